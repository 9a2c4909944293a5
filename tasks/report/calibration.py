"""The report's account of confidence: how sure models are, and whether they are right as often.

Reads ``calibration`` and ``evaluation``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reground.tasks.evaluation import ALL, REVIEWED
from reground.tasks.references import ORIGINAL, OWN
from reground.tasks.report.models import Evaluation, Number
from reground.tasks.report.snapshot import Snapshot
from reground.tasks.schema import PHOTOGRAPHS, CalibrationRow, Outcome, table

ERRORS: Final = {ORIGINAL: ("ece_original", ALL), OWN: ("ece_multi_label", REVIEWED)}
"""Whose labels are right -> metric and subset of the calibration error."""
LEAST: Final = 5
"""Images in the smallest bin of a diagram; with fewer each point is nearly 0 or 1."""
OUTCOMES: Final = (Outcome.CONFIRMED, Outcome.EXTENDED, Outcome.CHANGED, Outcome.EMPTY)


@dataclass(frozen=True)
class Curve:
    """A reliability diagram.

    Attributes:
        bins: accuracy with its interval in order of confidence, and that confidence.
        error: expected calibration error with its interval.
        chance: what a calibrated model shows on as many images.
    """

    model: str
    bins: Sequence[tuple[float, Number]]
    error: Number
    chance: Number

    @property
    def is_drawn(self) -> bool:
        """Whether there are enough images for a diagram."""
        return min(number.n for _, number in self.bins) >= LEAST

    @property
    def is_chance(self) -> bool:
        """Whether the error is no larger than that of a calibrated model may be."""
        return self.error.known and self.chance.known and self.error.value <= self.chance.high


def curves(snapshot: Snapshot, evaluation: Evaluation) -> dict[str, list[Curve]]:
    """Whose labels are right -> the curve of each model, by name; only where there are any."""
    rows: list[CalibrationRow] = snapshot.arrow("calibration", table("calibration").names()).to_pylist()
    rows.sort(key=lambda row: row["bin"])
    bins: dict[tuple[str, str], list[tuple[float, Number]]] = {}
    for row in rows:
        number = Number(row["accuracy"], row["low"], row["high"], row["n"])
        bins.setdefault((row["truth"], row["model"]), []).append((row["confidence"], number))
    by_truth: dict[str, list[Curve]] = {}
    for (truth, model), points in sorted(bins.items()):
        if truth in ERRORS:
            metric, subset = ERRORS[truth]
            error, chance = (
                evaluation.number(model, PHOTOGRAPHS, name, subset) for name in (metric, f"{metric}_by_chance")
            )
            by_truth.setdefault(truth, []).append(Curve(model, points, error, chance))
    return {truth: by_truth[truth] for truth in ERRORS if truth in by_truth}


def confidences(evaluation: Evaluation) -> list[tuple[str, list[tuple[Number, Number]]]]:
    """Model -> of each of `OUTCOMES` the mean confidence, and the mean probability of the original label."""
    pairs = [
        (
            model,
            [
                (
                    evaluation.number(model, PHOTOGRAPHS, "confidence", outcome),
                    evaluation.number(model, PHOTOGRAPHS, "original_probability", outcome),
                )
                for outcome in OUTCOMES
            ],
        )
        for model in evaluation.models
    ]
    return [(model, numbers) for model, numbers in pairs if any(one.known for pair in numbers for one in pair)]
