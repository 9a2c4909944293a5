"""How sure a model is, by what people decided, and whether its confidence is its accuracy.

The first answer of a model is right by the original labels if it is that label, and by people's labels if it is one of
those that they kept, over settled images with any label: as in `top1_original` and `multi_label`. Images of whose
probability the model says nothing are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from reground.tasks.evaluation.answers import Answers
from reground.tasks.evaluation.bootstrap import Resampling, counted_mask, is_correct
from reground.tasks.evaluation.metrics import MULTI_LABEL, OUTCOMES, REVIEWED, TOP_1
from reground.tasks.evaluation.reference import ReferenceLabels
from reground.tasks.evaluation.result import ALL, MetricResult
from reground.tasks.kernels.calibration import bootstrap_calibration_error, reliability
from reground.tasks.kernels.intervals import wilson
from reground.tasks.references import ORIGINAL
from reground.tasks.schema import PHOTOGRAPHS, CalibrationRow
from reground.tasks.votes import Bools, Floats

CONFIDENCE, OF_ORIGINAL = "confidence", "original_probability"
ECE: Final = {TOP_1: "ece_original", MULTI_LABEL: "ece_multi_label"}
"""How it is known what is right -> the calibration error by it."""
BY_CHANCE: Final = "_by_chance"
"""Suffix of the calibration error that a calibrated model shows."""
TABLES: Final = ((TOP_1, ALL), (MULTI_LABEL, REVIEWED))
"""What a reliability table is made by, and of which photographs."""


class _Outcomes(NamedTuple):
    """First answers of N images."""

    confidence: Floats
    correct: Floats
    probability: Floats


def on_confidence(
    answers: Answers, reference: ReferenceLabels, bins: int, resampling: Resampling
) -> Iterator[MetricResult]:
    """Mean confidence, mean probability of the original label, and calibration errors of one model.

    Args:
        answers: of the model.
        reference: the reference labels.
        bins: of equal mass, for the calibration error.
        resampling: number of resamples, seed, and level of the intervals.
    """
    everywhere = np.ones(len(answers.confidence), np.bool_)
    subsets = {ALL: everywhere, REVIEWED: reference.settled, **_by_outcome(reference)}
    for metric, values in ((CONFIDENCE, answers.confidence), (OF_ORIGINAL, answers.of_original)):
        for subset, mask in subsets.items():
            counted = values[mask & ~np.isnan(values)]
            if len(counted):
                estimate = wilson(float(counted.sum()), len(counted), resampling.level)
                yield MetricResult(PHOTOGRAPHS, metric, subset, estimate, on_truth=subset != ALL)
    for metric, subset in ((TOP_1, ALL), (TOP_1, REVIEWED), (MULTI_LABEL, REVIEWED)):
        rows = _outcomes(answers, reference, metric, subset)
        if len(rows.confidence):
            errors = bootstrap_calibration_error(*rows, bins, resampling.resamples, resampling.seed, resampling.level)
            for suffix, estimate in (("", errors.error), (BY_CHANCE, errors.chance)):
                yield MetricResult(PHOTOGRAPHS, f"{ECE[metric]}{suffix}", subset, estimate, metric == MULTI_LABEL)


def reliability_rows(
    model: str, answers: Answers, reference: ReferenceLabels, bins: int, level: float
) -> Iterator[CalibrationRow]:
    """The reliability tables of one model: rows of ``calibration``."""
    for metric, subset in TABLES:
        rows = _outcomes(answers, reference, metric, subset)
        table = reliability(rows.confidence, rows.correct, bins)
        for number, (n, confidence, accuracy) in enumerate(zip(*map(np.ndarray.tolist, table), strict=True), start=1):
            interval = wilson(round(accuracy * n), n, level)
            yield {
                "model": model,
                "truth": ORIGINAL if metric == TOP_1 else reference.name,
                "bin": number,
                "confidence": confidence,
                "accuracy": accuracy,
                "low": interval.low,
                "high": interval.high,
                "n": n,
            }


def _by_outcome(reference: ReferenceLabels) -> dict[str, Bools]:
    return {str(outcome): reference.outcome == outcome for outcome in OUTCOMES}


def _outcomes(answers: Answers, reference: ReferenceLabels, metric: str, subset: str) -> _Outcomes:
    """Of the photographs that count: the confidence, whether the first answer is right, and how likely that is."""
    first = answers.classes[:, :1]
    mask = counted_mask(reference, metric, subset, ~np.isnan(answers.confidence))
    correct = is_correct(reference, metric, first)[:, 0].astype(np.float64)
    probability = correct if metric == TOP_1 else reference.probability.of(first)[:, 0]
    return _Outcomes(answers.confidence[mask], correct[mask], probability[mask])
