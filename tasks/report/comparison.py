"""The report's account of models on what people found: one object or several, superclasses, and who is ahead.

Reads ``evaluation`` and ``comparison``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from reground.tasks.evaluation import (
    ALL,
    ASKED,
    FREQUENCY,
    MAIN_LABEL,
    MULTI,
    MULTI_LABEL,
    NOBODY_ASKED,
    RANK_AFTER,
    RANK_BEFORE,
    REAL,
    REVIEWED,
    SINGLE,
    SUPERCLASS,
    TOP_1,
)
from reground.tasks.references import ORIGINAL, OWN
from reground.tasks.report.models import Evaluation, Number
from reground.tasks.report.snapshot import Snapshot
from reground.tasks.schema import PHOTOGRAPHS

BY_PEOPLE: Final = (
    ("ReaL accuracy", "all with a label", REAL, ALL),
    ("Top-1, original label", "one object", TOP_1, SINGLE),
    ("Top-1, original label", "several objects", TOP_1, MULTI),
    ("Multi-label", "one object", MULTI_LABEL, SINGLE),
    ("Multi-label", "several objects", MULTI_LABEL, MULTI),
    ("Main label", "several objects", MAIN_LABEL, MULTI),
    ("Selection frequency", "of the top prediction", FREQUENCY, ALL),
    ("Nobody asked", "about the top prediction", NOBODY_ASKED, ASKED),
)
"""Heading, its second line, metric and subset."""
RANKED_BY: Final = ((MULTI_LABEL, REVIEWED), (REAL, ALL), (TOP_1, ALL))
"""What models are put in order by: the first of these that they were compared by."""
TITLES: Final = {
    TOP_1: "top-1 on original labels",
    REAL: "ReaL accuracy",
    MULTI_LABEL: "multi-label accuracy",
}
ALPHA: Final = 0.05
MODELS: Final = 6
"""Models in the table of superclasses, the best first."""


@dataclass(frozen=True)
class Place:
    """A model in the order, and how far it is ahead of the next.

    Attributes:
        rank: with its interval; UNKNOWN where ranks were not resampled.
        gap: to the next model, in shares; None: there is no next, or the two share no photographs.
        p: of no difference to the next, corrected for all pairs.
        held: share of resamples in which the model is ahead of the next.
    """

    model: str
    value: Number
    rank: Number
    gap: Number | None = None
    p: float = 1.0
    held: float = 0.5

    @property
    def sure(self) -> bool:
        """Whether the test tells the model from the next."""
        return self.gap is not None and self.p < ALPHA

    @property
    def p_text(self) -> str:
        return "< 0.001" if self.p < 0.001 else f"{self.p:.3f}"


@dataclass(frozen=True)
class Order:
    """Models, best first, by a metric on a subset; how many of the pairs the tests tell apart."""

    metric: str
    subset: str
    places: tuple[Place, ...]
    told: int
    pairs: int

    @property
    def title(self) -> str:
        return TITLES[self.metric]

    @property
    def on_votes(self) -> bool:
        return self.metric != TOP_1


def judged(snapshot: Snapshot, evaluation: Evaluation) -> dict[str, Any]:
    """What the template ``report_models.html`` shows."""
    order = in_order(snapshot, evaluation)
    best = [place.model for place in order.places] if order else evaluation.models
    return {
        "people_columns": (columns := _columns(evaluation)),
        "people_rows": [
            (model, [evaluation.number(model, PHOTOGRAPHS, metric, subset) for _, _, metric, subset in columns])
            for model in best
        ],
        "order": order,
        **superclasses(evaluation, best[:MODELS]),
    }


def in_order(snapshot: Snapshot, evaluation: Evaluation) -> Order | None:
    """The models, best first; None where no two were compared."""
    columns = ["model_a", "model_b", "metric", "subset", "difference", "low", "high", "p_holm", "order_held", "n"]
    comparison = snapshot.frame("comparison", [*columns, "truth"])
    comparison = comparison[comparison["truth"].isin((ORIGINAL, OWN))]
    for metric, subset in RANKED_BY:
        rows = comparison[(comparison["metric"] == metric) & (comparison["subset"] == subset)]
        if len(rows):
            significant = int((rows["p_holm"] < ALPHA).sum())
            return Order(metric, subset, _places(evaluation, metric, subset, rows), significant, len(rows))
    return None


def superclasses(evaluation: Evaluation, models: Sequence[str]) -> dict[str, Any]:
    """Accuracy of some models on each superclass, the hardest first: by ReaL labels, where there are any."""
    names = evaluation.subsets(SUPERCLASS)
    for metric in (REAL, TOP_1):
        rows = [(name, [evaluation.number(model, PHOTOGRAPHS, metric, name) for model in models]) for name in names]
        nonempty = [(name, numbers) for name, numbers in rows if any(number.known for number in numbers)]
        if nonempty:
            ordered = sorted(nonempty, key=lambda row: (_mean(row[1]), row[0]))
            subset_rows = [(name.removeprefix(SUPERCLASS), numbers) for name, numbers in ordered]
            return {"super_metric": TITLES[metric], "super_models": list(models), "super_rows": subset_rows}
    return {"super_metric": "", "super_models": [], "super_rows": []}


def _columns(evaluation: Evaluation) -> list[tuple[str, str, str, str]]:
    def known(metric: str, subset: str) -> bool:
        return any(evaluation.number(model, PHOTOGRAPHS, metric, subset).known for model in evaluation.models)

    return [column for column in BY_PEOPLE if known(*column[2:])]


def _places(evaluation: Evaluation, metric: str, subset: str, rows: pd.DataFrame) -> tuple[Place, ...]:
    pairs = {(str(row["model_a"]), str(row["model_b"])): row for row in rows.to_dict("records")}
    values = {
        model: evaluation.number(model, PHOTOGRAPHS, metric, subset) for model in sorted({m for p in pairs for m in p})
    }
    models = sorted(values, key=lambda model: (-values[model].value, model))
    rank_metric = {MULTI_LABEL: RANK_AFTER}.get(metric, RANK_BEFORE if subset == REVIEWED else "")
    places: list[Place] = []
    for model, following in zip(models, [*models[1:], ""], strict=True):
        rank = evaluation.number(model, PHOTOGRAPHS, rank_metric, REVIEWED)
        row, sign = (pairs[model, following], 1) if (model, following) in pairs else (pairs.get((following, model)), -1)
        place = Place(model, values[model], rank)
        places.append(Place(model, values[model], rank, *_ahead(row, sign)) if row else place)
    return tuple(places)


def _ahead(row: Mapping[Any, Any], sign: int) -> tuple[Number, float, float]:
    """How far ahead, the p-value, and how often the order held."""
    ends = sorted((sign * row["low"], sign * row["high"]))
    return Number(sign * row["difference"], ends[0], ends[1], row["n"]), row["p_holm"], row["order_held"]


def _mean(numbers: Sequence[Number]) -> float:
    values = [number.value for number in numbers if number.known]
    return sum(values) / len(values)
