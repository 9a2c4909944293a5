"""Pending questions: what a push sends, written down before, so that its tasks are recognised after a kill.

The data of a task says nothing but an opaque key. A batch is written before its import and taken off once its tasks
are registered; a batch that stays was interrupted in between, or refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from reground.annotations.rounds.questions import Question
from reground.annotations.rounds.task_registry import parse_question, pending_row, round_prefix
from reground.tasks.schema import PendingQuestionRow
from reground.tasks.workspace import Output, Workspace, digest

STEP: Final = "review-pending"


def write_pending(
    workspace: Workspace, kind: str, round_number: int, overlap: int, questions: Sequence[Question]
) -> None:
    """Write a batch down."""
    rows = [pending_row(kind, round_number, overlap, question) for question in questions]
    shard = _shard(kind, round_number, questions)
    workspace.commit(STEP, shard, digest(json.dumps(rows)), Output({"pending_questions": rows}))


def discard_pending(workspace: Workspace, kind: str, round_number: int, questions: Sequence[Question]) -> None:
    """Take a batch off, whose tasks are registered now."""
    workspace.discard(STEP, _shard(kind, round_number, questions))


def read_pending(workspace: Workspace, kind: str, round_number: int) -> dict[str, Question]:
    """The pending questions of a round, by what stands for their keys in the tasks' data."""
    pending: dict[str, Question] = {}
    for entry, part in workspace.parts("pending_questions"):
        if entry.shard.startswith(round_prefix(kind, round_number)):
            rows: list[PendingQuestionRow] = workspace.read_part(part.path).to_pylist()
            pending |= {row["task_key"]: parse_question(row) for row in rows}
    return pending


def _shard(kind: str, round_number: int, questions: Sequence[Question]) -> str:
    return round_prefix(kind, round_number) + questions[0].task_key
