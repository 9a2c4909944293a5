"""The task registry: table ``questions``, every task in Label Studio with its question and its ids."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from reground.annotations.rounds.questions import Question
from reground.tasks.schema import ClassIdx, ImageId, QuestionRow
from reground.tasks.workspace import Output, Part, Workspace, digest

STEP: Final = "review"


@dataclass(frozen=True)
class Task:
    """A question as a task in Label Studio.

    Attributes:
        kind: contains or classify.
        round_number: of the round.
        question: see `Question`.
        project_id: Label Studio's.
        task_id: Label Studio's.
        overlap: annotators wanted; 0: any number.
    """

    kind: str
    round_number: int
    question: Question
    project_id: int
    task_id: int
    overlap: int = 0


def read_tasks(workspace: Workspace) -> list[Task]:
    """All tasks, in order of creation."""
    return [task for _, part in workspace.parts("questions") for task in read_task_batch(workspace, part)]


def read_task_batch(workspace: Workspace, part: Part) -> list[Task]:
    """The tasks of one batch."""
    rows: list[QuestionRow] = workspace.read_part(part.path).to_pylist()
    return [
        Task(
            row["question"],
            row["round"],
            parse_question(row, row["annotator"]),
            row["project_id"],
            row["task_id"],
            row["overlap"],
        )
        for row in rows
    ]


def task_ids_by_project(workspace: Workspace, kind: str, round_number: int) -> dict[int, set[int]]:
    """Project id -> task ids, of one kind and round; reads no questions."""
    task_ids: dict[int, set[int]] = defaultdict(set)
    for entry, part in workspace.parts("questions"):
        if entry.shard.startswith(_prefix(kind, round_number)):
            rows = workspace.read_part(part.path, ["project_id", "task_id"])
            for project_id, task_id in zip(rows["project_id"].to_pylist(), rows["task_id"].to_pylist(), strict=True):
                task_ids[project_id].add(task_id)
    return task_ids


def register_tasks(workspace: Workspace, tasks: Sequence[Task]) -> None:
    """Append a batch of tasks, all of one kind and round."""
    kind, round_number = tasks[0].kind, tasks[0].round_number
    prefix = _prefix(kind, round_number)
    names = (PurePosixPath(path).name for path in workspace.fs.find(workspace.path("manifest", STEP)))
    number = sum(name.startswith(prefix) for name in names)  # listing names is cheap, a push registers many batches
    rows = [_row(task) for task in tasks]
    workspace.commit(STEP, f"{prefix}{number:05d}", digest(json.dumps(rows)), Output({"questions": rows}))


def _prefix(kind: str, round_number: int) -> str:
    return f"{kind}-{round_number}-"


def parse_question(row: Mapping[str, Any], annotator: str) -> Question:
    """The question in a row of ``questions`` or in a task's data.

    Args:
        row: key, image_ids, class_idxs, and possibly others.
        annotator: assignee; empty: anybody. A task's data does not say.
    """
    image_ids = tuple(ImageId(str(image_id)) for image_id in row["image_ids"])
    labels = tuple(ClassIdx(int(label)) for label in row["class_idxs"])
    return Question(str(row["key"]), image_ids, labels, annotator)


def _row(task: Task) -> QuestionRow:
    return {
        "round": task.round_number,
        "question": task.kind,
        "key": task.question.key,
        "image_ids": list(task.question.image_ids),
        "class_idxs": [ClassIdx(int(label)) for label in task.question.class_idxs],
        "annotator": task.question.annotator,
        "overlap": task.overlap,
        "project_id": task.project_id,
        "task_id": task.task_id,
    }
