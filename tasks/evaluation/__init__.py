"""Accuracy of models on original labels, on people's labels and on variants."""

from reground.tasks.evaluation.answers import read_answers
from reground.tasks.evaluation.backgrounds import ADVERSARIAL, BG_GAP
from reground.tasks.evaluation.comparison import RANK_AFTER, RANK_BEFORE
from reground.tasks.evaluation.metrics import (
    ASKED,
    FREQUENCY,
    MAIN_LABEL,
    MULTI,
    MULTI_LABEL,
    NOBODY_ASKED,
    REAL,
    REVIEWED,
    SINGLE,
    SUPERCLASS,
    TOP_1,
)
from reground.tasks.evaluation.result import ALL, BALANCED
from reground.tasks.evaluation.step import STEP, EvaluationSettings, discard_reference

__all__ = [
    "ADVERSARIAL",
    "ALL",
    "ASKED",
    "BALANCED",
    "BG_GAP",
    "FREQUENCY",
    "MAIN_LABEL",
    "MULTI",
    "MULTI_LABEL",
    "NOBODY_ASKED",
    "RANK_AFTER",
    "RANK_BEFORE",
    "REAL",
    "REVIEWED",
    "SINGLE",
    "STEP",
    "SUPERCLASS",
    "TOP_1",
    "EvaluationSettings",
    "discard_reference",
    "read_answers",
]
