"""The report's table of models by every truth side by side: original labels, the own truth, reference truths.

Reads ``evaluation`` and ``references``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reground.tasks.evaluation import ALL, MULTI_LABEL, REVIEWED, TOP_1
from reground.tasks.references import ORIGINAL, OWN
from reground.tasks.report.models import UNKNOWN, Number, ranked
from reground.tasks.report.snapshot import Snapshot
from reground.tasks.schema import PHOTOGRAPHS


@dataclass(frozen=True)
class TruthColumn:
    """The models by one truth.

    Attributes:
        name: of the truth.
        heading: for people.
        file: that a reference truth came from; empty: another truth.
        numbers: model -> share of photographs whose most probable class is a label that holds.
        ranks: model -> its rank, 1 the best; those with the same value share a rank, written ``1=``.
    """

    name: str
    heading: str
    file: str
    numbers: Mapping[str, Number]
    ranks: Mapping[str, str]


def truth_columns(snapshot: Snapshot) -> dict[str, Any]:
    """What the template ``report_truths.html`` shows; nothing where no model was judged by a reference truth."""
    columns = ["model", "set", "metric", "subset", "truth", "value", "low", "high", "n"]
    frame = snapshot.frame("evaluation", columns)
    frame = frame[(frame["set"] == PHOTOGRAPHS) & (frame["n"] > 0)]
    files = dict(snapshot.distinct("references", ["name", "file"]))
    references = sorted(set(frame["truth"]) - {ORIGINAL, OWN})
    if not references:
        return {"truth_columns": [], "truth_models": []}
    keys = zip(frame["truth"], frame["metric"], frame["subset"], frame["model"], strict=True)
    values = zip(frame["value"], frame["low"], frame["high"], frame["n"], strict=True)
    numbers = {key: Number(*value) for key, value in zip(keys, values, strict=True)}
    models = sorted(set(frame["model"]))
    made = [_column(name, numbers, models, files) for name in (ORIGINAL, OWN, *references)]
    shown = [column for column in made if any(number.known for number in column.numbers.values())]
    best = shown[-1].numbers if shown else {}
    return {"truth_columns": shown, "truth_models": sorted(models, key=lambda model: (-_value(best.get(model)), model))}


def _column(
    name: str, numbers: Mapping[tuple[str, str, str, str], Number], models: list[str], files: Mapping[str, str]
) -> TruthColumn:
    metric, subset = (TOP_1, ALL) if name == ORIGINAL else (MULTI_LABEL, REVIEWED)
    heading = {ORIGINAL: "Original labels", OWN: "Re-grounded labels"}.get(name, name)
    of_models = {model: numbers.get((name, metric, subset, model), UNKNOWN) for model in models}
    return TruthColumn(name, heading, files.get(name, ""), of_models, ranked(of_models))


def _value(number: Number | None) -> float:
    return number.value if number is not None and number.known else -1.0
