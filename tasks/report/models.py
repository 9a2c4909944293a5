"""The report's numbers: models on the original and on the re-grounded labels, backgrounds, and recipes.

Reads ``evaluation`` and the recipes in ``predictions/MODEL``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from reground.tasks.evaluation import ADVERSARIAL, ALL, BG_GAP, REVIEWED
from reground.tasks.files import ContentError, parse_json, preview
from reground.tasks.references import ORIGINAL, OWN
from reground.tasks.report.snapshot import Snapshot
from reground.tasks.schema import PHOTOGRAPHS, VARIANTS

COLUMNS: Final = (
    ("top1_original", ALL),
    ("top5_original", ALL),
    ("top1_original", REVIEWED),
    ("multi_label", REVIEWED),
    ("main_label", REVIEWED),
)
"""Metric and subset of the columns of the models table; those from the fourth on rest on votes."""
BEFORE, AFTER = COLUMNS[2], COLUMNS[3]
"""What models are ranked by: both over the same photographs, so that only the labels differ."""
WEIGHTS: Final = ("weights", "weights_sha256")
"""What differs between models by nature."""


@dataclass(frozen=True)
class Number:
    """A measured share (or a difference of shares) with its interval; NaN where n is 0."""

    value: float
    low: float
    high: float
    n: int
    sources: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        return self.n > 0 and not math.isnan(self.value)

    def overlaps(self, other: Number) -> bool:
        return self.low <= other.high and other.low <= self.high


UNKNOWN: Final = Number(math.nan, math.nan, math.nan, 0)


@dataclass(frozen=True)
class ModelRow:
    """One line of the models table: ``numbers`` in the order of `COLUMNS`, ranks as text."""

    name: str
    numbers: tuple[Number, ...]
    before: str
    after: str
    recipe: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(sorted({source for number in self.numbers for source in number.sources}))

    @property
    def moved(self) -> bool:
        return bool(self.before and self.after) and self.before.rstrip("=") != self.after.rstrip("=")


class Evaluation:
    """The table ``evaluation`` by original labels and by the own truth, by (model, set, metric, subset)."""

    def __init__(self, snapshot: Snapshot) -> None:
        columns = ["model", "set", "metric", "subset", "value", "low", "high", "n", "truth_version", "sources"]
        frame = snapshot.frame("evaluation", [*columns, "truth"])
        frame = frame[frame["truth"].isin((ORIGINAL, OWN))]
        self._numbers = {_key(row): _number(row) for row in _records(frame)}
        self.models = sorted(set(frame["model"]))
        self.truth_versions = sorted(set(frame["truth_version"]) - {""})

    def number(self, model: str, set_name: str, metric: str, subset: str = ALL) -> Number:
        return self._numbers.get((model, set_name, metric, subset), UNKNOWN)

    def subsets(self, prefix: str) -> list[str]:
        """Names of subsets of the photographs that begin so, sorted."""
        return sorted({key[3] for key in self._numbers if key[1] == PHOTOGRAPHS and key[3].startswith(prefix)})

    def rows(self) -> list[ModelRow]:
        """The models table, best first by the re-grounded labels (or the original ones without votes)."""
        numbers = {
            model: tuple(self.number(model, PHOTOGRAPHS, *column) for column in COLUMNS) for model in self.models
        }
        ranks = [ranked({m: n[COLUMNS.index(column)] for m, n in numbers.items()}) for column in (BEFORE, AFTER)]
        rows = [ModelRow(m, n, ranks[0].get(m, ""), ranks[1].get(m, "")) for m, n in numbers.items()]
        return sorted(rows, key=lambda row: (*(-_or_lowest(row.numbers[i]) for i in (3, 0)), row.name))

    @property
    def compared(self) -> bool:
        """Whether any model was judged on both compositions."""
        return any(metric == "mask_minus_published" for _, _, metric, _ in self._numbers)

    @property
    def attacked(self) -> bool:
        """Whether any model was judged on what the search for adversarial backgrounds found."""
        return any(set_name == ADVERSARIAL for _, set_name, _, _ in self._numbers)

    def gap(self, model: str, end: str = "", subset: str = ALL) -> Number:
        """The BG-Gap of the variants whose names have that end: empty, or ``_published``."""
        return self.number(model, ",".join(f"{variant}{end}" for variant in BG_GAP), "bg_gap", subset)

    def gaps(self) -> list[tuple[str, Number]]:
        """Model and its BG-Gap, largest gap first; only models that have one."""
        gaps = [(model, self.gap(model)) for model in self.models]
        return sorted((pair for pair in gaps if pair[1].known), key=lambda pair: (-pair[1].value, pair[0]))

    def variants(self, subset: str = ALL) -> dict[str, list[Number]]:
        """Variant -> group accuracy of each of `models`; only variants with images in ``subset``."""
        table = {v: [self.number(model, v, "group_accuracy", subset) for model in self.models] for v in VARIANTS}
        return {variant: numbers for variant, numbers in table.items() if any(number.known for number in numbers)}


def ranked(numbers: Mapping[str, Number]) -> dict[str, str]:
    """Rank of each model, 1 the best; models with the same value share a rank, written ``1=``."""
    values = {model: number.value for model, number in numbers.items() if number.known}
    ranks = {model: 1 + sum(other > value for other in values.values()) for model, value in values.items()}
    shared = {rank for rank in ranks.values() if list(ranks.values()).count(rank) > 1}
    return {model: f"{rank}=" if rank in shared else str(rank) for model, rank in ranks.items()}


def apart(rows: Sequence[ModelRow]) -> bool:
    """Do no two models' intervals overlap, on the re-grounded labels?"""
    after = [row.numbers[COLUMNS.index(AFTER)] for row in rows]
    return not any(a.overlaps(b) for i, a in enumerate(after) for b in after[:i])


@dataclass(frozen=True)
class Recipes:
    """How predictions were made.

    Attributes:
        fields: names of what a recipe says.
        rows: (model, set kind, field -> text).
        differing: fields in which models differ on the same kind of set, weights and imported predictions aside.
        imported: models with predictions made elsewhere: how they were fed is not known.
        mixed: models with more than one recipe on one kind of set.
    """

    fields: tuple[str, ...]
    rows: tuple[tuple[str, str, Mapping[str, str]], ...]
    differing: tuple[str, ...]
    imported: tuple[str, ...]
    mixed: tuple[str, ...]

    @classmethod
    def of(cls, recipes_of_models: Mapping[str, Iterable[tuple[str, str]]]) -> Recipes:
        """Of model -> (set, recipe as it stands in ``predictions``)."""
        kinds = {
            model: sorted({("photographs" if s == PHOTOGRAPHS else "variants", recipe) for s, recipe in pairs})
            for model, pairs in recipes_of_models.items()
        }
        rows = tuple((model, kind, parsed(text)) for model in sorted(kinds) for kind, text in kinds[model])
        fields = tuple(dict.fromkeys(field for _, _, recipe in rows for field in sorted(recipe)))
        mixed = tuple(model for model, pairs in kinds.items() if len({kind for kind, _ in pairs}) < len(pairs))
        imported = tuple(dict.fromkeys(model for model, _, recipe in rows if "imported" in recipe))
        known = [row for row in rows if row[0] not in imported]
        differing = tuple(field for field in fields if field not in WEIGHTS and _differs(field, known))
        return cls(fields, rows, differing, imported, mixed)


def _differs(field: str, rows: Iterable[tuple[str, str, Mapping[str, str]]]) -> bool:
    values: dict[str, set[str]] = {}
    for _, kind, recipe in rows:
        values.setdefault(kind, set()).add(recipe.get(field, ""))
    return any(len(texts) > 1 for texts in values.values())


def parsed(recipe: str) -> dict[str, str]:
    """A recipe's fields; one field called ``recipe`` where it is no JSON object."""
    try:
        fields = parse_json(recipe)
    except ContentError:
        fields = recipe
    if not isinstance(fields, dict):
        return {"recipe": recipe}
    return {name: value if isinstance(value, str) else preview(value) for name, value in fields.items()}


def _key(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return row["model"], row["set"], row["metric"], row["subset"]


def _number(row: Mapping[str, Any]) -> Number:
    sources = tuple(source for source in row["sources"].split(",") if source)
    return Number(row["value"], row["low"], row["high"], row["n"], sources)


def _or_lowest(number: Number) -> float:
    return number.value if number.known else -1.0


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return frame.to_dict("records")  # type: ignore[return-value]
