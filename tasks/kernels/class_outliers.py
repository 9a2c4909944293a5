"""Vectors that stand out from their class, and how far the class itself stands out from a clean one.

Two scores of robustly whitened vectors, because neither is best in all classes: quantum entropy (QUE) and the robust
distance. They find a cluster apart from the class, which a network that was trained on it makes of poison. The number
of directions is that whose whitened covariance is farthest from that of clean normal vectors, as in SPECTRE (Hayase,
Kong, Somani, Oh 2021, arXiv 2104.11315, section 3), but relative to what as many clean vectors give: with few vectors
a direction more always looks farther.

Foreign content in the features of any other network is no cluster; it is found by its isolation, the mean of one minus
the cosine of the nearest vectors of its class (Ramaswamy, Rastogi, Shim 2000, https://doi.org/10.1145/335191.335437).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from reground.tasks.kernels.nearest_neighbours import nearest_neighbours, normalise
from reground.tasks.kernels.quantum_entropy import (
    class_statistic,
    principal_components,
    quantum_entropy_scores,
    robust_whitening,
)

Floats = npt.NDArray[np.float64]

DIRECTIONS: Final = (1, 2, 4, 8, 12, 16)
"""Numbers of directions that are tried, those up to a third of the vectors."""
NEIGHBOURS: Final = 5
"""Vectors of the class that isolation looks at."""
DRAWS: Final = 101
"""Clean groups that the expected statistic is the median of."""
MAD: Final = 1.4826
"""Standard deviations of a normal distribution in its median absolute deviation, inverted."""
STEP: Final = 1.1
"""Ratio of sizes of clean groups that are drawn."""


@dataclass(frozen=True)
class ClassOutliers:
    """Of one class of N vectors; all scores: higher is more suspect.

    Attributes:
        que: ``(N,)``, quantum entropy of the whitened vectors.
        distance: ``(N,)``, squared robust distance.
        isolation: ``(N,)``, mean of one minus the cosine of the nearest vectors of the class, 0 to 2.
        spectral: ``(N,)``, squared projection on the largest direction, not whitened; alone it is often worse than
            chance.
        k: number of directions.
        eigenvalue_ratio: largest variance over the second largest, not whitened.
        statistic: how many robust standard deviations the logarithm of ``tr(S U) / tr(U)`` lies above that of as many
            clean normal vectors.
    """

    que: Floats
    distance: Floats
    isolation: Floats
    spectral: Floats
    k: int
    eigenvalue_ratio: float
    statistic: float

    def order(self, accused: bool) -> npt.NDArray[np.int64]:
        """Rows, the most suspect first.

        Args:
            accused: whether the class stands out from others, by a cluster apart: then by the better of the ranks by
                ``que`` and ``distance``, of equals by the other rank. Otherwise by ``isolation``: a class without such
                a cluster can hold foreign content alone, of which its own directions say little.
        """
        if not accused:
            return np.argsort(-self.isolation, kind="stable")
        ranks = np.stack([_ranks(self.que), _ranks(self.distance)])
        return np.lexsort((ranks.max(axis=0), ranks.min(axis=0)))


def class_outliers(vectors: npt.NDArray[np.floating], contamination: float) -> ClassOutliers:
    """Scores of the vectors of one class.

    Args:
        vectors: ``(N, D)``, N at least 3.
        contamination: largest share of outliers expected, 0 to 0.25.
    """
    values = np.asarray(vectors, np.float64)
    components = principal_components(values, DIRECTIONS[-1])
    variance = np.square(components).mean(axis=0)
    tried = [k for k in DIRECTIONS if k <= min(max(len(values) // 3, 1), components.shape[1])]
    best: tuple[float, int, Floats] | None = None
    for k in tried:
        whitened = robust_whitening(components[:, :k], contamination)
        middle, spread = _clean_statistic(_size(len(values)), k, contamination)
        statistic = (_log_statistic(whitened) - middle) / spread
        if best is None or statistic > best[0]:
            best = statistic, k, whitened
    if best is None:
        raise ValueError(f"expected at least 3 vectors, got {len(values)}")
    statistic, k, whitened = best
    return ClassOutliers(
        que=quantum_entropy_scores(whitened),
        distance=np.square(whitened).sum(axis=1),
        isolation=_isolation(values),
        spectral=np.square(components[:, 0]),
        k=k,
        eigenvalue_ratio=float(variance[0] / variance[1]) if len(variance) > 1 and variance[1] > 0 else 1.0,
        statistic=statistic,
    )


def accused(statistics: npt.ArrayLike, deviations: float = 3.0) -> tuple[npt.NDArray[np.bool_], float]:
    """Classes whose statistic stands out, and the value above which one does.

    Args:
        statistics: ``(C,)``, of all classes.
        deviations: robust standard deviations (1.4826 median absolute deviations, of those above the median) above
            the median.

    Examples:
        >>> accused([0.1, 0.0, 0.2, 0.1, 2.0])[0].tolist()
        [False, False, False, False, True]
    """
    values = np.asarray(statistics, np.float64)
    threshold = float(np.median(values)) + deviations * _spread_above(values) if len(values) else math.inf
    return values > threshold + 1e-9, threshold


def _isolation(vectors: Floats) -> Floats:
    """``(N,)``, 0 to 2: mean of one minus the cosine of the nearest other vectors."""
    unit = normalise(vectors)
    _, cosines = nearest_neighbours(unit, unit, NEIGHBOURS, own=0)
    return 1 - cosines.astype(np.float64).mean(axis=1)


def _ranks(scores: Floats) -> npt.NDArray[np.int64]:
    """Rank of each, 0 for the highest; of equals the first."""
    ranks = np.empty(len(scores), np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return ranks


def _size(n: int) -> int:
    """The nearest size of a clean group: sizes grow by a tenth."""
    return max(3, round(STEP ** round(math.log(n, STEP))))


def _log_statistic(whitened: Floats) -> float:
    return math.log(max(class_statistic(whitened), 1e-300))


@functools.lru_cache(maxsize=4096)
def _clean_statistic(n: int, k: int, contamination: float) -> tuple[float, float]:
    """Median, and robust standard deviation, of the statistic of groups of n normal vectors."""
    rng = np.random.default_rng((n, k))
    values = [_log_statistic(robust_whitening(rng.normal(size=(n, k)), contamination)) for _ in range(DRAWS)]
    return float(np.median(values)), max(_spread_above(np.array(values)), 1e-3)


def _spread_above(values: Floats) -> float:
    """Robust standard deviation of the values above the median: statistics reach farther up than down."""
    above = values - np.median(values)
    return MAD * float(np.median(above[above >= 0]))
