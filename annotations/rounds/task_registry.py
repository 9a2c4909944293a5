"""The task registry: table ``questions``, every task in Label Studio with its question and its ids."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reground.annotations.rounds.questions import Question
from reground.tasks.schema import PendingQuestionRow, QuestionRow
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
            parse_question(row),
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
        if entry.shard.startswith(round_prefix(kind, round_number)):
            rows = workspace.read_part(part.path, ["project_id", "task_id"])
            for project_id, task_id in zip(rows["project_id"].to_pylist(), rows["task_id"].to_pylist(), strict=True):
                task_ids[project_id].add(task_id)
    return task_ids


def deleted_task_ids(workspace: Workspace) -> set[int]:
    """The tasks that somebody deleted in Label Studio, as far as pulls have noticed."""
    answers = workspace.read_arrow("answers", ["task_id", "deleted"])
    return set(answers.filter(answers["deleted"])["task_id"].to_pylist())


def register_tasks(workspace: Workspace, tasks: Sequence[Task]) -> None:
    """Append a batch of tasks, all of one kind and round."""
    kind, round_number = tasks[0].kind, tasks[0].round_number
    prefix = round_prefix(kind, round_number)
    number = sum(shard.startswith(prefix) for shard in workspace.keys(STEP))
    rows = [_row(task) for task in tasks]
    workspace.commit(STEP, f"{prefix}{number:05d}", digest(json.dumps(rows)), Output({"questions": rows}))


def round_prefix(kind: str, round_number: int) -> str:
    """How the names of a round's shards begin."""
    return f"{kind}-{round_number}-"


def parse_question(row: QuestionRow | PendingQuestionRow) -> Question:
    """The question in a row of ``questions`` or ``pending_questions``."""
    image_ids, labels = tuple(row["image_ids"]), tuple(row["class_idxs"])
    return Question(row["key"], image_ids, labels, row["annotator"], row["task_key"], tuple(row["options"]))


def pending_row(kind: str, round_number: int, overlap: int, question: Question) -> PendingQuestionRow:
    """A row of ``pending_questions``."""
    return {
        "round": round_number,
        "question": kind,
        "key": question.key,
        "task_key": question.task_key,
        "image_ids": list(question.image_ids),
        "options": list(question.options),
        "class_idxs": list(question.class_idxs),
        "annotator": question.annotator,
        "overlap": overlap,
    }


def _row(task: Task) -> QuestionRow:
    row = pending_row(task.kind, task.round_number, task.overlap, task.question)
    return {**row, "project_id": task.project_id, "task_id": task.task_id}
