"""Results of metrics, before they become rows of ``evaluation``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from reground.tasks.kernels.intervals import Estimate, mean_estimate, proportion

ALL, BALANCED = "all", "balanced"
"""Subsets over all groups: the mean over images, and the mean over groups."""


@dataclass(frozen=True)
class MetricResult:
    """One result: image set, metric, subset, value with interval, and whether it uses people's labels."""

    set: str
    metric: str
    subset: str
    estimate: Estimate
    on_truth: bool = False


def shares(
    set_name: str, metric: str, hits: pd.DataFrame, names: Mapping[int, str], level: float, column: str = "hit"
) -> Iterator[MetricResult]:
    """The share of rows in which ``column`` is true: in all, in each group, and the mean of the groups.

    Args:
        set_name: image set that the metric is measured on.
        metric: name of the metric.
        hits: columns ``group`` and ``column`` (bool); without rows there is no result.
        names: of the groups.
        level: of the intervals, 0 to 1.
        column: name of the column to count.
    """
    yield from by_group(set_name, metric, hits, names, lambda rows: proportion(rows[column].to_numpy(bool), level))


def by_group(
    set_name: str,
    metric: str,
    rows: pd.DataFrame,
    names: Mapping[int, str],
    measure: Callable[[pd.DataFrame], Estimate],
) -> Iterator[MetricResult]:
    """``measure`` of all rows, of those of each ``group``, and the mean of the groups; nothing without rows.

    The published ImageNet-9 sets are balanced; on other sets the mean of the groups is the
    number to compare with theirs.
    """
    if rows.empty:
        return
    groups = {names[int(group)]: measure(part) for group, part in rows.groupby("group")}  # type: ignore[call-overload]
    for subset, estimate in {ALL: measure(rows), BALANCED: mean_estimate(list(groups.values())), **groups}.items():
        yield MetricResult(set_name, metric, subset, estimate)
