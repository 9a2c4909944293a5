"""Types of the rows of the tables in `reground.tasks.schema.models`; generated: do not edit."""

from __future__ import annotations

from typing import TypedDict

from reground.tasks.schema.tables import ClassIdx, ImageId


class PredictionRow(TypedDict):
    """A row of ``predictions``: one image of a set."""

    set: str
    image_id: ImageId
    class_idx: list[ClassIdx]
    probability: list[float]
    original_probability: float | None
    entropy: float | None
    recipe: str


class FeatureRow(TypedDict):
    """A row of ``features``: one image of a set."""

    set: str
    image_id: ImageId
    vector: list[float]
    recipe: str


class AdversarialRow(TypedDict):
    """A row of ``adversarial``: one foreground."""

    image_id: ImageId
    group: int
    clean_class: int
    clean_correct: bool
    vulnerable: bool
    fooled_by: str | None
    fooled_into: int | None
    passes: int
    outcome: str | None
    misled_by: str | None
    outcome_passes: int
    worst: list[str]
    worst_probability: list[float]


class AdversarialPoolRow(TypedDict):
    """A row of ``adversarial_pool``: one background."""

    position: int
    image_id: ImageId
    group: int


class AdversarialPairRow(TypedDict):
    """A row of ``adversarial_pairs``: one foreground on every background."""

    image_id: ImageId
    predicted: list[int]
    recipe: str


class AdversarialMarginRow(TypedDict):
    """A row of ``adversarial_margins``: one foreground on every background, searched."""

    image_id: ImageId
    margin: list[float]


class AdversarialBackgroundRow(TypedDict):
    """A row of ``adversarial_backgrounds``: one background."""

    image_id: ImageId
    group: int
    tried: int
    into_own: int
    wrong: int
    unmapped: int
    own_rate: float | None
    wrong_rate: float | None


class AdversarialSharedRow(TypedDict):
    """A row of ``adversarial_shared``: one background tried by several models."""

    image_id: ImageId
    group: int
    models: list[str]
    tried: int
    fooled_all: int


class EvaluationRow(TypedDict):
    """A row of ``evaluation``: one combination of model, set, metric and subset."""

    model: str
    set: str
    metric: str
    subset: str
    truth: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    recipe: str
    truth_version: str
    sources: str


class ComparisonRow(TypedDict):
    """A row of ``comparison``: one combination of two models, metric and subset."""

    model_a: str
    model_b: str
    metric: str
    subset: str
    truth: str
    difference: float
    low: float
    high: float
    p_value: float
    p_holm: float
    order_held: float
    only_a: int
    only_b: int
    n: int
    truth_version: str
    sources: str
