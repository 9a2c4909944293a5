"""The report's account of classes that cannot be told apart. Reads ``class_pairs`` and ``classes``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reground.tasks.report.models import UNKNOWN, Number
from reground.tasks.report.snapshot import Snapshot
from reground.tasks.schema import ClassPairRow, table

SHOWN: Final = 20
"""Pairs shown."""
ORDER: Final = ("synonym", "confusable", "undecided", "separable")
TOLD: Final = ORDER[:2]
"""Verdicts that say that two classes cannot be told apart."""


@dataclass(frozen=True)
class Pair:
    """Two classes, as the page shows them.

    Attributes:
        confused: share of first answers that name the other class.
        together: share of settled images on which people accept both.
        gain: largest gain of top-1 accuracy over the models if both were one class; None: no prediction.
    """

    names: tuple[str, str]
    verdict: str
    confused: Number
    together: Number
    gain: float | None


def class_pairs(snapshot: Snapshot) -> tuple[list[Pair], dict[str, int]]:
    """Synonyms and confusable pairs, the most confused first, at most `SHOWN`; and the number of pairs by verdict."""
    rows: list[ClassPairRow] = snapshot.arrow("class_pairs", table("class_pairs").names()).to_pylist()
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in ORDER}
    rows = [row for row in rows if row["verdict"] in TOLD]
    rows.sort(key=_order)
    classes = snapshot.arrow("classes", ("class_idx", "name"))
    names = dict(zip(classes["class_idx"].to_pylist(), classes["name"].to_pylist(), strict=True))
    return [_pair(row, names) for row in rows[:SHOWN]], counts


def _order(row: ClassPairRow) -> tuple[float, ...]:
    return ORDER.index(row["verdict"]), -(row["confused"] or 0), -row["n"], row["class_a"], row["class_b"]


def _pair(row: ClassPairRow, names: dict[int, str]) -> Pair:
    first, second = (
        names.get(class_idx, f"class {class_idx}").split(",")[0] for class_idx in (row["class_a"], row["class_b"])
    )
    gains = [merged - top1 for top1, merged in zip(row["top1"], row["merged_top1"], strict=True)]
    return Pair(
        (first, second),
        row["verdict"],
        _number(row["confused"], row["confused_low"], row["confused_high"], row["images"]),
        _number(row["co_selected"] / row["n"] if row["n"] else None, row["low"], row["high"], row["n"]),
        max(gains, default=None),
    )


def _number(value: float | None, low: float | None, high: float | None, n: int) -> Number:
    return UNKNOWN if value is None or low is None or high is None else Number(value, low, high, n)
