"""Which question to ask next: disagreement before agreement, few votes before many, the telling before the random."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reground.annotations.truth import needs_vote
from reground.annotations.truth.needs_vote import NeedsVoteSettings
from reground.tasks.images import load_classes
from reground.tasks.workspace import Workspace, run_shard
from tests.support.tables import candidate, put, put_truth, vote

ANIMALS, OBJECTS = range(1, 10), range(500, 510)  # of ImageNet: fish and birds; tools


def rated(image_id: str, label: int, answers: str) -> list[dict[str, Any]]:
    """One vote a letter: y, m or n, each by another person."""
    of = {"y": "yes", "m": "maybe", "n": "no"}
    return [
        vote(image_id, label, f"p{n}", of[letter], "rate", answer_id=f"{image_id}:{label}:{n}")
        for n, letter in enumerate(answers)
    ]


def ranked(url: str, votes: list[dict[str, Any]], candidates: list[dict[str, Any]]) -> pd.DataFrame:
    workspace = Workspace(url)
    put(workspace, "classes", load_classes())
    put(workspace, "votes", votes)
    put(workspace, "candidates", candidates)
    put_truth(workspace, [])
    for shard in needs_vote.plan(workspace, NeedsVoteSettings()):
        run_shard(needs_vote.STEP, workspace, NeedsVoteSettings(), shard)
    return workspace.read("needs_vote")


def crowd(labels: range, right: float) -> list[dict[str, Any]]:
    """A hundred pairs, half of which hold, five people each right so often."""
    rng = np.random.default_rng(0)
    return [
        one
        for n in range(100)
        for one in rated(
            f"crowd{n:03d}",
            labels[n % len(labels)],
            "".join("y" if (n % 2 == 0) == (rng.random() < right) else "n" for _ in range(5)),
        )
    ]


def test_asks_where_people_disagree_and_where_few_have_answered(workspace_url: str) -> None:
    votes = [
        *crowd(OBJECTS, 0.9),
        *rated("agreed", 500, "yyyyy"),
        *rated("split", 500, "yynn"),
        *rated("one", 500, "y"),
        *rated("two", 500, "yy"),
    ]
    rows = ranked(workspace_url, votes, [candidate("unasked", 500), candidate("agreed", 500)]).set_index("image_id")
    for doubtful in ("split", "unasked"):
        order = rows.loc[[doubtful, "one", "two", "agreed"]]
        assert order["rank"].is_monotonic_increasing
        assert order["gain"].iloc[0] > 10 * order["gain"].iloc[-1]
    assert rows.loc["unasked", "votes"] == 0
    assert len(rows) == 105
    assert rows["gain"].is_monotonic_decreasing


def test_asks_last_about_what_people_cannot_tell(workspace_url: str) -> None:
    votes = [*crowd(OBJECTS, 0.95), *[{**v, "image_id": "a" + v["image_id"]} for v in crowd(ANIMALS, 0.55)]]
    rows = ranked(workspace_url, votes, [candidate("tool", 500), candidate("bird", 8)]).set_index("image_id")
    gains = rows["gain"]
    assert gains["tool"] > 2 * gains["bird"]


def test_nothing_to_rank_by_without_votes(workspace_url: str) -> None:
    assert ranked(workspace_url, [], [candidate("unasked", 500)]).empty
