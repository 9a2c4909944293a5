"""Intervals for shares and for differences of paired shares.

Sources: Wilson 1927 (the score interval); Newcombe 1998, Statistics in Medicine 17:2635-2650,
method 10 (paired differences, from the score intervals and the correlation of the pairs); Zou and
Donner 2008, Statistics in Medicine 27:1693-1702 (means of either, from their intervals). All
hold for the small samples that groups of an evaluation set are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]


class Estimate(NamedTuple):
    """A value, its interval and the number of images it rests on (NaN where n is 0)."""

    value: float
    low: float
    high: float
    n: int


def share(hits: Bools, level: float = 0.95) -> Estimate:
    """The share of hits, with Wilson's interval.

    Args:
        hits: ``(N,) bool``.
        level: of the interval, 0 to 1.
    """
    return wilson(int(np.count_nonzero(hits)), len(hits), level)


def wilson(hits: int, n: int, level: float = 0.95) -> Estimate:
    """As `share`, of counts: ``hits`` of ``n``."""
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    z = NormalDist().inv_cdf((1 + level) / 2)
    p, zz = hits / n, z * z
    centre = (p + zz / (2 * n)) / (1 + zz / n)
    half = z / (1 + zz / n) * math.sqrt(p * (1 - p) / n + zz / (4 * n * n))
    # At the ends rounding would put the bound beside the value itself.
    low = 0.0 if hits == 0 else centre - half
    high = 1.0 if hits == n else centre + half
    return Estimate(p, low, high, n)


def paired_difference(first: Bools, second: Bools, level: float = 0.95) -> Estimate:
    """Share of ``first`` minus share of ``second`` over the same N items, -1 to 1.

    Args:
        first, second: ``(N,) bool``, item by item.
        level: of the interval, 0 to 1.

    Raises:
        ValueError: the two differ in length.
    """
    if len(first) != len(second):
        raise ValueError(f"expected pairs, got {len(first)} and {len(second)} items")
    n = len(first)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    one, two = wilson(int(first.sum()), n, level), wilson(int(second.sum()), n, level)
    value, phi = one.value - two.value, _correlation(first, second)
    return Estimate(
        value,
        value - _spread(one.value - one.low, two.high - two.value, phi),
        value + _spread(one.high - one.value, two.value - two.low, phi),
        n,
    )


def mean(estimates: Sequence[Estimate]) -> Estimate:
    """The mean of independent estimates, each counting the same; ``n`` is the sum of theirs.

    >>> mean([wilson(9, 10), wilson(50, 100)]).value
    0.7
    """
    known = [estimate for estimate in estimates if estimate.n]
    if not known:
        return Estimate(math.nan, math.nan, math.nan, 0)
    value = sum(e.value for e in known) / len(known)
    below = math.hypot(*(e.value - e.low for e in known)) / len(known)
    above = math.hypot(*(e.high - e.value for e in known)) / len(known)
    return Estimate(value, value - below, value + above, sum(e.n for e in known))


def _spread(one: float, two: float, phi: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * phi * one * two + two * two))


def _correlation(first: Bools, second: Bools) -> float:
    """Newcombe's phi of the 2 x 2 table, with his continuity correction for positive association."""
    both, neither = int((first & second).sum()), int((~first & ~second).sum())
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if margins == 0:
        return 0.0
    cross = both * neither - only_first * only_second
    n = len(first)
    corrected = max(cross - n / 2, 0.0) if cross > 0 else float(cross)
    return corrected / math.sqrt(margins)
