"""Rounds of questions planned on a small workspace, and rows of truth to plan them by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reground.annotations.rounds import (
    ReviewRound,
    ReviewSettings,
    RoundPlan,
    Task,
    plan_round,
)
from reground.annotations.rounds import import_gold as import_file
from reground.annotations.rounds.controls import write_controls
from reground.annotations.rounds.selection import select_pairs
from reground.annotations.rounds.task_registry import register_tasks
from reground.tasks.votes import DEFAULT_POLICY, VotePolicy
from reground.tasks.workspace import Workspace
from tests.support.tables import conclusion, put_truth

PEOPLE = ("ann@lab", "bob@lab", "cay@lab", "dot@lab")


def truth(image_id: str, judged: dict[int, float], routing: str = "easy", **more: Any) -> dict[str, Any]:
    """A row of ``truth``: each judged label with its confidence; the first is the original one."""
    kept = [label for label, confidence in judged.items() if confidence >= 0.5]
    row = {
        "image_id": image_id,
        "original": next(iter(judged), None),
        **conclusion("confirmed", kept),
        "judged": list(judged),
        "confidence": list(judged.values()),
        "shown": [5] * len(judged),
        "main_label": None,
        "main_tied": False,
        "num_objects": None,
        "num_objects_tied": False,
        "objects": [],
        "isolated": [],
        "votes": 5 * len(judged),
        "sources": ["label-studio"],
        "vote_fingerprint": "",
        "routing": routing,
        "method": "selection-frequency",
    }
    return {**row, **more}


def pairs(
    workspace: Workspace, kind: str = "contains", ask: str = "", limit: int = 0, policy: VotePolicy = DEFAULT_POLICY
) -> list[tuple[str, int]]:
    found = select_pairs(workspace, kind, 2, ask, limit, policy)
    return list(zip(found["image_id"], found["class_idx"].astype(int), strict=True))


def plan(workspace: Workspace, kind: str = "contains", **settings: Any) -> RoundPlan:
    chosen = ReviewSettings(**{"overlap": 2, "min_grid": 1, **settings})
    return plan_round(
        ReviewRound(workspace, kind, chosen.round, 1 if chosen.is_blind else chosen.overlap), chosen, DEFAULT_POLICY
    )


def create_tasks(workspace: Workspace, made: RoundPlan, kind: str, overlap: int, first: int = 1) -> None:
    """As `reground.annotations.review.push_questions` writes questions down."""
    write_controls(workspace, [row for q in made.questions for row in made.controls.get(q.subject, ())])
    tasks = [Task(kind, 1, q, 7, first + n, overlap) for n, q in enumerate(made.questions)]
    register_tasks(workspace, tasks)


def settled(workspace: Workspace) -> None:
    """Images 0 to 5 are settled; image 0 surely holds 0 and surely lacks 1."""
    put_truth(workspace, [truth(f"i{n:02d}", {n % 3: 1.0, (n + 1) % 3: 0.0}) for n in range(6)])


def import_gold(workspace: Workspace, folder: Path, *lines: str, replace: bool = False) -> dict[str, int]:
    path = folder / "known.csv"
    path.write_text("\n".join(["image_id,class,answer", *lines]))
    return import_file(workspace, path, replace=replace)
