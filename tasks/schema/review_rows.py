"""Types of the rows of the tables in `reground.tasks.schema.reviews`; generated: do not edit."""

from __future__ import annotations

from typing import TypedDict

from reground.tasks.schema.tables import AnnotatorId, ClassIdx, ImageId


class QuestionRow(TypedDict):
    """A row of ``questions``: one task in Label Studio."""

    round: int
    question: str
    key: str
    task_key: str
    image_ids: list[ImageId]
    options: list[str]
    class_idxs: list[ClassIdx]
    annotator: str
    overlap: int
    project_id: int
    task_id: int


class PendingQuestionRow(TypedDict):
    """A row of ``pending_questions``: one question whose task may exist in Label Studio, as a push was interrupted."""

    round: int
    question: str
    key: str
    task_key: str
    image_ids: list[ImageId]
    options: list[str]
    class_idxs: list[ClassIdx]
    annotator: str
    overlap: int


class ControlRow(TypedDict):
    """A row of ``controls``: one control image in a grid."""

    key: str
    image_id: ImageId
    class_idx: ClassIdx
    answer: str


class ControlAnswerRow(TypedDict):
    """A row of ``control_answers``: one answer to a control image."""

    image_id: ImageId
    class_idx: ClassIdx
    annotator_id: AnnotatorId
    answer: str
    expected: str
    source: str
    answer_id: str


class AnswerRow(TypedDict):
    """A row of ``answers``: one task with answers, or deleted, in Label Studio."""

    project_id: int
    task_id: int
    stamp: str
    deleted: bool
    answers: int
    annotations: str


class SubmissionRow(TypedDict):
    """A row of ``submissions``: one submission in Label Studio."""

    answer_id: str
    annotator_id: AnnotatorId
    question: str
    ticked: list[int]
    options: int
    at: str


class SkipRow(TypedDict):
    """A row of ``skips``: one question that an annotator skipped."""

    answer_id: str
    annotator_id: AnnotatorId
    round: int
    question: str
    key: str
    at: str


class DecisionAnswerRow(TypedDict):
    """A row of ``decision_answers``: one answer of a curator to one pair of image and label."""

    image_id: ImageId
    class_idx: ClassIdx
    answer: str
    annotator_id: AnnotatorId
    at: str
    comment: str | None
    key: str
    project_id: int
    task_id: int
    answer_id: str


class UserRow(TypedDict):
    """A row of ``users``: one user of Label Studio."""

    user_id: int
    address: str | None
    name: str | None
    addresses: list[str]
    created_at: str | None
