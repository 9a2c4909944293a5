"""Our copy of Label Studio's annotations: the table ``answers``, one part for each batch of the task registry."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from reground.annotations.label_studio import Json
from reground.annotations.rounds import Task, read_task_batch
from reground.tasks.schema import AnswerRow
from reground.tasks.workspace import Part, Workspace

TaskKey = tuple[int, int]
"""Project id and task id."""


@dataclass(frozen=True)
class TaskAnswers:
    """A task as exported last: its timestamp, whether it is deleted, and all versions of its annotations."""

    updated_at: str
    deleted: bool
    annotations: list[Json]


@dataclass(frozen=True)
class AnswerBatch:
    """One batch of the task registry, with the answers to those tasks that have any."""

    shard: str
    tasks: list[Task]
    answers: Mapping[TaskKey, TaskAnswers]

    def annotations(self, task: Task) -> list[Json]:
        """All versions of the annotations of one of the tasks, skips included."""
        answers = self.answers.get((task.project_id, task.task_id))
        return answers.annotations if answers else []

    def is_deleted(self, task: Task) -> bool:
        """Whether somebody deleted the task in Label Studio."""
        answers = self.answers.get((task.project_id, task.task_id))
        return answers is not None and answers.deleted


def read_answers(workspace: Workspace, shards: Collection[str] | None = None) -> Iterator[AnswerBatch]:
    """Our copy, batch by batch; with ``shards`` only these."""
    parts = answer_parts(workspace)
    return (
        read_answer_batch(workspace, entry.shard, part, parts.get(entry.shard))
        for entry, part in workspace.parts("questions")
        if shards is None or entry.shard in shards
    )


def read_answer_batch(workspace: Workspace, shard: str, questions: Part, answers: Part | None) -> AnswerBatch:
    """One batch.

    Args:
        workspace: see `Workspace`.
        shard: name of the batch.
        questions: its part of ``questions``.
        answers: its part of ``answers``, if there is one.
    """
    rows: list[AnswerRow] = workspace.read_part(answers.path).to_pylist() if answers else []
    task_answers = {
        (row["project_id"], row["task_id"]): TaskAnswers(row["stamp"], row["deleted"], json.loads(row["annotations"]))
        for row in rows
    }
    return AnswerBatch(shard, read_task_batch(workspace, questions), task_answers)


def answer_parts(workspace: Workspace) -> dict[str, Part]:
    """Shard -> its part of ``answers``."""
    return {entry.shard: part for entry, part in workspace.parts("answers")}
