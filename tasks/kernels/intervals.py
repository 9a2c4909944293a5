"""Intervals for proportions and for differences of paired proportions.

Sources: Wilson 1927 (the score interval); Newcombe 1998, Statistics in Medicine 17:2635-2650,
method 10 (paired differences, from the score intervals and the correlation of the pairs); Zou and
Donner 2008, Statistics in Medicine 27:1693-1702 (means of either, from their intervals). All
keep their coverage in small samples, such as the groups of an evaluation set.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


class Estimate(NamedTuple):
    """A value, its interval and the number of images it rests on (NaN where n is 0)."""

    value: float
    low: float
    high: float
    n: int


def proportion(hits: Bools, level: float = 0.95) -> Estimate:
    """The proportion of hits, with Wilson's interval.

    Args:
        hits: ``(N,) bool``.
        level: of the interval, 0 to 1.

    Examples:
        >>> estimate = proportion(np.array([True, True, True, False]))
        >>> [round(number, 3) for number in estimate]
        [0.75, 0.301, 0.954, 4]
    """
    return wilson(int(np.count_nonzero(hits)), len(hits), level)


def wilson(hits: float, n: int, level: float = 0.95) -> Estimate:
    """As `proportion`, of counts: ``hits`` of ``n``.

    For ``n`` values from 0 to 1 that sum to ``hits`` the interval of their mean is conservative: among values
    with that mean, zeros and ones have the largest variance.

    Examples:
        >>> [round(number, 3) for number in wilson(90, 100)]
        [0.9, 0.826, 0.945, 100]
    """
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


def uncertain_proportion(counted: Estimate, hit: Floats, level: float = 0.95) -> Estimate:
    """A proportion of hits whose interval includes the uncertainty of the labels.

    The interval is centred on the expected proportion, the mean of ``hit``. Its half-widths combine Wilson's
    (sampling of images) and that of the labels (sampling of votes) as independent errors: the root of the
    sum of squares. The interval is extended to ``counted`` where that lies outside, which happens when the
    rule that settles labels shifts the proportion.

    Args:
        counted: the proportion on the settled labels, of N images.
        hit: ``(N,)`` probability that the model's label holds, independently of other images.
        level: of the interval, 0 to 1.

    Returns:
        Value and n of ``counted``, with this interval; NaN where nothing was counted.

    Examples:
        >>> counted = wilson(3, 4)
        >>> estimate = uncertain_proportion(counted, np.array([0.9, 0.8, 0.9, 0.2]))
        >>> [round(number, 3) for number in estimate]
        [0.75, 0.145, 1.0, 4]
    """
    if counted.n == 0:
        return counted
    n, centre = counted.n, float(hit.mean())
    z = NormalDist().inv_cdf((1 + level) / 2)
    spread = z * math.sqrt(float((hit * (1 - hit)).sum())) / n
    images = wilson(centre * n, n, level)
    low = max(0.0, centre - math.hypot(centre - images.low, spread))
    high = min(1.0, centre + math.hypot(images.high - centre, spread))
    return Estimate(counted.value, min(low, counted.value), max(high, counted.value), n)


def paired_difference(first: Bools, second: Bools, level: float = 0.95) -> Estimate:
    """Share of ``first`` minus share of ``second`` over the same N items, -1 to 1.

    Args:
        first: ``(N,) bool``, hits on each item.
        second: ``(N,) bool``, the same items in the same order.
        level: of the interval, 0 to 1.

    Raises:
        ValueError: the two differ in length.

    Examples:
        >>> first = np.array([True, True, True, False])
        >>> second = np.array([True, False, False, False])
        >>> [round(number, 3) for number in paired_difference(first, second)]
        [0.5, -0.135, 0.789, 4]
    """
    if len(first) != len(second):
        raise ValueError(f"expected pairs, got {len(first)} and {len(second)} items")
    n_both, n_neither = int((first & second).sum()), int((~first & ~second).sum())
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    return paired_counts(n_both, only_first, only_second, n_neither, level)


def paired_counts(n_both: int, only_first: int, only_second: int, n_neither: int, level: float = 0.95) -> Estimate:
    """As `paired_difference`, of counts: items that are hits of both, of one, of neither.

    Examples:
        >>> [round(number, 3) for number in paired_counts(n_both=70, only_first=15, only_second=5, n_neither=10)]
        [0.1, 0.012, 0.189, 100]
    """
    n = n_both + only_first + only_second + n_neither
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    first, second = wilson(n_both + only_first, n, level), wilson(n_both + only_second, n, level)
    value, phi = (only_first - only_second) / n, _correlation(n_both, only_first, only_second, n_neither)
    return Estimate(
        value,
        value - _spread(first.value - first.low, second.high - second.value, phi),
        value + _spread(first.high - first.value, second.value - second.low, phi),
        n,
    )


def paired_mean(differences: Floats, level: float = 0.95) -> Estimate:
    """Mean of differences of shares on the same items, -1 to 1.

    Their rises and their falls have Wilson's intervals, which are joined as those of paired shares are (Newcombe 1998,
    method 10; Zou and Donner 2008), with the correlation of two counts of which one alone can be: conservative where
    differences are smaller than 1.

    Args:
        differences: ``(N,)``, -1 to 1, of each item.
        level: of the interval, 0 to 1.

    Examples:
        >>> [round(number, 3) for number in paired_mean(np.array([0.5, 0.0, 0.0, -1.0]))]
        [-0.125, -0.611, 0.436, 4]
    """
    n = len(differences)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    rise, fall = (wilson(float(np.maximum(sign * differences, 0).sum()), n, level) for sign in (1, -1))
    others = (1 - rise.value) * (1 - fall.value)
    phi = -math.sqrt(rise.value * fall.value / others) if others > 0 else -1.0
    value = rise.value - fall.value
    return Estimate(
        value,
        value - _spread(rise.value - rise.low, fall.high - fall.value, phi),
        value + _spread(rise.high - rise.value, fall.value - fall.low, phi),
        n,
    )


def mean_estimate(estimates: Sequence[Estimate]) -> Estimate:
    """The mean of independent estimates, each counting the same; ``n`` is the sum of theirs.

    Examples:
        >>> [round(number, 3) for number in mean_estimate([wilson(9, 10), wilson(50, 100)])]
        [0.7, 0.541, 0.763, 110]
    """
    nonempty = [estimate for estimate in estimates if estimate.n]
    if not nonempty:
        return Estimate(math.nan, math.nan, math.nan, 0)
    value = sum(e.value for e in nonempty) / len(nonempty)
    below = math.hypot(*(e.value - e.low for e in nonempty)) / len(nonempty)
    above = math.hypot(*(e.high - e.value for e in nonempty)) / len(nonempty)
    return Estimate(value, value - below, value + above, sum(e.n for e in nonempty))


def _spread(first: float, second: float, phi: float) -> float:
    return math.sqrt(max(0.0, first * first - 2 * phi * first * second + second * second))


def _correlation(n_both: int, only_first: int, only_second: int, n_neither: int) -> float:
    """Newcombe's phi of the 2 x 2 table, with his continuity correction for positive association."""
    margins = (n_both + only_first) * (only_second + n_neither) * (n_both + only_second) * (only_first + n_neither)
    if margins == 0:
        return 0.0
    cross = n_both * n_neither - only_first * only_second
    n = n_both + only_first + only_second + n_neither
    numerator = max(cross - n / 2, 0.0) if cross > 0 else float(cross)
    return numerator / math.sqrt(margins)
