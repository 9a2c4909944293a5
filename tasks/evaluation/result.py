"""A number of the table ``evaluation``, before it knows which model it is of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from reground.tasks.kernels.intervals import Estimate, mean, share

ALL, BALANCED = "all", "balanced"
"""The subsets of a number that is of all groups: every image counts the same, or every group does."""


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
    """The share of rows in which ``column`` is true: in all, in each group, and the mean of the groups.

    Args:
        of_set: image set that the metric is measured on.
        metric: its name.
        hits: columns ``group`` and ``column`` (bool); without rows there is no number.
        names: of the groups.
        level: of the intervals, 0 to 1.
        column: what is counted.
    """
    yield from by_group(of_set, metric, hits, names, lambda rows: share(rows[column].to_numpy(bool), level))


def by_group(
    of_set: str,
    metric: str,
    rows: pd.DataFrame,
    names: Mapping[int, str],
    measure: Callable[[pd.DataFrame], Estimate],
) -> Iterator[Measured]:
    """``measure`` of all rows, of those of each ``group``, and the mean of the groups; nothing without rows.

    A published ImageNet-9 set has as many images of each group; elsewhere the mean of the groups
    is what to hold against its numbers.
    """
    if rows.empty:
        return
    groups = {names[int(group)]: measure(part) for group, part in rows.groupby("group")}  # type: ignore[call-overload]
    for subset, estimate in {ALL: measure(rows), BALANCED: mean(list(groups.values())), **groups}.items():
        yield Measured(of_set, metric, subset, estimate)
