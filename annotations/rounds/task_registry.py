"""The ledger: table ``questions``, every task that is out, with the ids Label Studio gave it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from reground.annotations.rounds.questions import Question
from reground.tasks.schema import ClassIdx, ImageId
from reground.tasks.workspace import Output, Part, Workspace, digest

STEP = "review"


@dataclass(frozen=True)
class Task:
    """A question with its kind and round, where it lies in Label Studio, and how many it asks (0: any number)."""

    kind: str
    round_number: int
    question: Question
    project_id: int
    task_id: int
    overlap: int = 0


def read(workspace: Workspace) -> list[Task]:
    """All tasks, in the order they were put out."""
    return [task for _, part in workspace.parts("questions") for task in read_part(workspace, part)]


def read_part(workspace: Workspace, part: Part) -> list[Task]:
    """The tasks of one batch."""
    rows = workspace.read_part(part.path).to_pylist()
    return [
        Task(
            row["question"],
            row["round"],
            parse(row, row["annotator"]),
            row["project_id"],
            row["task_id"],
            row["overlap"],
        )
        for row in rows
    ]


def places(workspace: Workspace, kind: str, round_number: int) -> dict[int, set[int]]:
    """Project -> tasks that are out, of one kind and round; read without the questions themselves."""
    found: dict[int, set[int]] = defaultdict(set)
    for entry, part in workspace.parts("questions"):
        if entry.shard.startswith(_prefix(kind, round_number)):
            rows = workspace.read_part(part.path, ["project_id", "task_id"])
            for project_id, task_id in zip(rows["project_id"].to_pylist(), rows["task_id"].to_pylist(), strict=True):
                found[project_id].add(task_id)
    return found


def append(workspace: Workspace, tasks: Sequence[Task]) -> None:
    """Write a batch down, all of one kind and round."""
    kind, round_number = tasks[0].kind, tasks[0].round_number
    prefix = _prefix(kind, round_number)
    names = (PurePosixPath(path).name for path in workspace.fs.find(workspace.path("manifest", STEP)))
    number = sum(name.startswith(prefix) for name in names)  # read by name: a push of many batches asks many times
    rows = [_row(task) for task in tasks]
    workspace.commit(STEP, f"{prefix}{number:05d}", digest(json.dumps(rows)), Output({"questions": rows}))


def _prefix(kind: str, round_number: int) -> str:
    return f"{kind}-{round_number}-"


def parse(row: dict[str, Any], annotator: str) -> Question:
    """A question, from a row of the table or from a task's data: both hold the same three.

    Args:
        row: key, image_ids, class_idxs, and what else there may be.
        annotator: whom it was put to; empty: whoever comes. A task's data does not say.
    """
    image_ids = tuple(ImageId(str(image_id)) for image_id in row["image_ids"])
    labels = tuple(ClassIdx(int(label)) for label in row["class_idxs"])
    return Question(str(row["key"]), image_ids, labels, annotator)


def _row(task: Task) -> dict[str, Any]:
    return {
        "round": task.round_number,
        "question": task.kind,
        "key": task.question.key,
        "image_ids": list(task.question.image_ids),
        "class_idxs": [int(label) for label in task.question.class_idxs],
        "annotator": task.question.annotator,
        "overlap": task.overlap,
        "project_id": task.project_id,
        "task_id": task.task_id,
    }
