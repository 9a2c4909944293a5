"""How well a score finds what it looks for, where people have judged a part of what it ranks.

What is judged is often what was flagged, since that was looked at first. So what is flagged and what is not are two
strata, and an item that is judged stands for as many as its stratum has of each that is judged (Horvitz and Thompson
1952; for average precision: Yilmaz, Kanoulas, Aslam 2008, A simple and efficient sampling method for estimating AP and
NDCG).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from reground.tasks.kernels.intervals import Estimate

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

CELLS: Final = 1 << 22
"""Items times resamples at a time: some 100 MB."""


class Stratum(NamedTuple):
    """Items of which some are judged.

    Attributes:
        size: items.
        judged: of these, judged.
        relevant: of these, what the score looks for.
    """

    size: int
    judged: int
    relevant: int


def recall(flagged: Stratum, others: Stratum, resamples: int = 1000, seed: int = 0, level: float = 0.95) -> Estimate:
    """Share of all relevant items that is flagged, from the rates of both strata.

    The value is ``F p / (F p + U q)``, with F and U the sizes of the strata, p and q the relevant shares of what is
    judged in each. The interval has the percentiles of the same with p and q drawn from their Jeffreys posteriors
    (Brown, Cai, DasGupta 2001), ``Beta(k + 1/2, n - k + 1/2)``.

    Args:
        flagged: what is flagged.
        others: what is not.
        resamples: number of draws.
        seed: of the draws.
        level: of the interval, 0 to 1.

    Returns:
        n is the number of judged items; NaN where a stratum has items and none is judged, or no relevant one is known.

    Examples:
        >>> estimate = recall(Stratum(100, 50, 40), Stratum(900, 50, 1))
        >>> [round(number, 2) for number in estimate]  # 80 of 80 + 18
        [0.82, 0.47, 0.98, 100]
        >>> recall(Stratum(100, 50, 40), Stratum(900, 0, 0)).value  # nobody looked for what was missed
        nan
    """
    strata, n = (flagged, others), flagged.judged + others.judged
    if any(stratum.size and not stratum.judged for stratum in strata) or not flagged.relevant + others.relevant:
        return Estimate(math.nan, math.nan, math.nan, n)
    rng = np.random.default_rng(seed)
    hits, misses = (stratum.size * stratum.relevant / max(stratum.judged, 1) for stratum in strata)
    value = hits / (hits + misses)
    draws = [
        stratum.size * rng.beta(stratum.relevant + 0.5, stratum.judged - stratum.relevant + 0.5, resamples)
        for stratum in strata
    ]
    low, high = np.quantile(draws[0] / (draws[0] + draws[1]), ((1 - level) / 2, (1 + level) / 2))
    return Estimate(value, min(float(low), value), max(float(high), value), n)


def average_precision(score: Floats, relevant: Bools, weight: Floats) -> float:
    """Mean of the precision at each relevant item, in descending order of score; 0 to 1, higher is better.

    Items of one score are at the same place: precision is that behind all of them. A random order has about the
    share of relevant items.

    Args:
        score: ``(N,)`` higher is ranked first.
        relevant: ``(N,) bool``.
        weight: ``(N,)`` items that each stands for.

    Returns:
        NaN where no item is relevant.

    Examples:
        >>> score, relevant = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False])
        >>> round(average_precision(score, relevant, np.ones(4)), 4)  # (1/1 + 2/3) / 2
        0.8333
    """
    return float(next(_average_precisions(score, relevant, [weight[None]]))[0])


def bootstrap_average_precision(
    score: Floats,
    relevant: Bools,
    weight: Floats,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """As `average_precision`, with the percentile interval of a Poisson bootstrap of items.

    Args:
        score: ``(N,)`` higher is ranked first.
        relevant: ``(N,) bool``.
        weight: ``(N,)`` items that each stands for.
        resamples: number of resamples; those without a relevant item are ignored.
        seed: of the draws.
        level: of the interval, 0 to 1.

    Examples:
        >>> score = np.linspace(1, 0, 100)
        >>> estimate = bootstrap_average_precision(score, score > 0.8, np.ones(100))
        >>> estimate.value, estimate.low, estimate.n
        (1.0, 1.0, 100)
    """
    n, value = len(score), average_precision(score, relevant, weight)
    if math.isnan(value):
        return Estimate(value, math.nan, math.nan, n)
    rng, step = np.random.default_rng(seed), max(1, CELLS // n)
    counts = (min(step, resamples - start) for start in range(0, resamples, step))
    blocks = (rng.poisson(1.0, (count, n)) * weight for count in counts)
    samples = np.concatenate(list(_average_precisions(score, relevant, blocks)))
    low, high = np.nanquantile(samples, ((1 - level) / 2, (1 + level) / 2))
    return Estimate(value, min(float(low), value), max(float(high), value), n)


def _average_precisions(score: Floats, relevant: Bools, blocks: Iterator[Floats] | list[Floats]) -> Iterator[Floats]:
    """``(R, N)`` weights at a time -> ``(R,)`` average precision by each."""
    order = np.argsort(-score, kind="stable")
    ordered, last = score[order], np.ones(len(score), np.bool_)
    last[:-1] = ordered[1:] != ordered[:-1]
    for weights in blocks:
        weights = weights[:, order]
        seen = np.cumsum(weights, axis=1)[:, last]
        hits = np.cumsum(weights * relevant[order], axis=1)[:, last]
        gained = np.diff(hits, axis=1, prepend=0)
        with np.errstate(invalid="ignore"):  # nothing seen yet, or nothing relevant at all
            yield np.nansum(gained * hits / seen, axis=1) / np.where(hits[:, -1] > 0, hits[:, -1], np.nan)
