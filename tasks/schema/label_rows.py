"""Types of the rows of the tables in `reground.tasks.schema.labels`; generated: do not edit."""

from __future__ import annotations

from typing import TypedDict

from reground.tasks.schema.tables import AnnotatorId, ClassIdx, ImageId


class CandidateRow(TypedDict):
    """A row of ``candidates``: one pair of image and label."""

    image_id: ImageId
    class_idx: ClassIdx
    reasons: list[str]
    score: float | None


class GoldRow(TypedDict):
    """A row of ``gold``: one pair of image and label with a known answer."""

    image_id: ImageId
    class_idx: ClassIdx
    answer: str
    source: str


class VoteRow(TypedDict):
    """A row of ``votes``: one answer."""

    round: int
    question: str
    image_id: ImageId
    class_idx: ClassIdx
    annotator_id: AnnotatorId
    answer: str
    main: bool
    num_objects: int | None
    seconds: float | None
    at: str | None
    source: str
    answer_id: str


class DecisionRow(TypedDict):
    """A row of ``decisions``: one pair of image and label that a curator decided."""

    image_id: ImageId
    class_idx: ClassIdx
    answer: str
    annotator_id: AnnotatorId
    at: str
    comment: str | None
    yes_votes: int
    no_votes: int
    link: str
    key: str
    answer_id: str


class AnnotatorRow(TypedDict):
    """A row of ``annotators``: one annotator."""

    annotator_id: AnnotatorId
    address: str | None
    name: str | None
    source: str
    votes: int
    agreement: float | None
    agreement_n: int
    gold_correct: int
    gold_n: int
    gold_accuracy: float | None
    gold_low: float | None
    gold_high: float | None
    tasks: int
    seconds_per_task: float | None
    fast_share: float | None
    excluded: str | None


class TruthRow(TypedDict):
    """A row of ``truth``: one image."""

    image_id: ImageId
    original: int | None
    state: str
    outcome: str | None
    labels: list[int] | None
    undecided: list[int]
    decided: list[int]
    judged: list[int]
    confidence: list[float]
    shown: list[int]
    main_label: int | None
    main_tied: bool
    num_objects: int | None
    num_objects_tied: bool
    objects: list[list[int]]
    isolated: list[int]
    votes: int
    sources: list[str]
    vote_fingerprint: str
    routing: str
    method: str


class VotePolicyRow(TypedDict):
    """A row of ``vote_policy``: one truth."""

    held_out_sources: list[str]
    count_excluded: bool
    count_gold: bool
    ratio: float
    keep: float


class TruthVersionRow(TypedDict):
    """A row of ``truth_versions``: one version of the truth."""

    version: str
    number: int
    method: str
    settings: str
    images: int
    votes: int


class NeedsVoteRow(TypedDict):
    """A row of ``needs_vote``: one pair of image and label."""

    rank: int
    image_id: ImageId
    class_idx: ClassIdx
    gain: float
    probability: float
    votes: int
