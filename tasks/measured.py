"""A number of the table ``evaluation``, before it knows which model it is of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd

from tasks.kernels.intervals import Estimate, share

ALL: Final = "all"
"""The subset of a number that is not of one group."""


@dataclass(frozen=True)
class Measured:
    """A number: of which set, what, over which part of it, and whether votes decided what is right."""

    set: str
    metric: str
    subset: str
    estimate: Estimate
    on_truth: bool = False


def shares(
    of_set: str, metric: str, hits: pd.DataFrame, names: Mapping[int, str], level: float, column: str = "hit"
) -> Iterator[Measured]:
    """The share of rows in which ``column`` is true: in all, then in each group.

    Args:
        of_set, metric: what it is of.
        hits: columns ``group`` and ``column`` (bool); without rows there is no number.
        names: of the groups.
        level: of the intervals, 0 to 1.
        column: what is counted.
    """
    for subset, part in subsets(hits, names):
        yield Measured(of_set, metric, subset, share(part[column].to_numpy(bool), level))


def subsets(rows: pd.DataFrame, names: Mapping[int, str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Name and rows of everything, then of each ``group``; nothing where there are no rows."""
    if len(rows):
        yield ALL, rows
    for group, part in rows.groupby("group"):
        yield names[int(group)], part  # type: ignore[call-overload]
