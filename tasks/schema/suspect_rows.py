"""Types of the rows of the tables in `reground.tasks.schema.suspects`; generated: do not edit."""

from __future__ import annotations

from typing import TypedDict

from reground.tasks.schema.tables import ClassIdx, ImageId


class FactRow(TypedDict):
    """A row of ``facts``: one photograph."""

    image_id: ImageId
    pixel_digest: str
    hash: str
    mirror_hash: str
    thumbnail: bytes
    aspect: float
    colourfulness: float
    sharpness: float
    contrast: float
    main_colour_share: float
    dark_share: float
    bright_share: float


class NeighbourRow(TypedDict):
    """A row of ``neighbours``: one photograph with features."""

    image_id: ImageId
    neighbours: list[str]
    cosine: list[float]


class SuspectRow(TypedDict):
    """A row of ``suspects``: one suspect of one kind."""

    kind: str
    rank: int
    image_id: ImageId
    score: float
    flagged: bool
    threshold: float | None
    related: list[str]
    class_idx: ClassIdx | None
    proposed: list[int]
    model: str
    evidence: str
    settled_by: str | None


class SuspectScoreRow(TypedDict):
    """A row of ``suspect_scores``: one kind of suspect, judged by what people decided."""

    kind: str
    faults: list[str]
    flagged: int
    flagged_settled: int
    flagged_faults: int
    unflagged: int
    unflagged_settled: int
    unflagged_faults: int
    precision: float | None
    precision_low: float | None
    precision_high: float | None
    recall: float | None
    recall_low: float | None
    recall_high: float | None
    average_precision: float | None
    average_precision_low: float | None
    average_precision_high: float | None
    base_rate: float | None


class ClassPairRow(TypedDict):
    """A row of ``class_pairs``: one pair of classes that models confuse or people accept together."""

    class_a: int
    class_b: int
    verdict: str
    confused: float | None
    confused_low: float | None
    confused_high: float | None
    images: int
    co_selected: int
    exclusive: int
    two_objects: int
    n: int
    low: float | None
    high: float | None
    alpha: float | None
    models: list[str]
    top1: list[float]
    merged_top1: list[float]
    source: str


class CalibrationRow(TypedDict):
    """A row of ``calibration``: one bin of equal mass of one model's confidence."""

    model: str
    truth: str
    bin: int
    confidence: float
    accuracy: float
    low: float
    high: float
    n: int


class SureAndWrongRow(TypedDict):
    """A row of ``sure_and_wrong``: one pair of image and class that a model is sure of and people rejected."""

    rank: int
    image_id: ImageId
    class_idx: ClassIdx
    models: list[str]
    probability: list[float]
    is_original: bool
    outcome: str
    labels: list[int]
    valid_probability: float
