"""Tests between models judged on the same images.

Sources: McNemar 1947, Psychometrika 12:153-157 (exact: the binomial distribution of the images on which
exactly one of two is right); Holm 1979, Scandinavian Journal of Statistics 6:65-70.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr  # pyright: ignore[reportUnknownVariableType, reportMissingTypeStubs]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def mcnemar(only_first: Ints, only_second: Ints) -> Floats:
    """Two-sided exact p-values of no difference; 1 where the two never differ.

    Args:
        only_first: ``(T,)`` number of images on which only the first is right.
        only_second: ``(T,)`` number of images on which only the second is right.

    Returns:
        ``(T,)``, 0 to 1, lower is less likely by chance.

    Examples:
        >>> mcnemar(np.array([5, 8]), np.array([0, 8])).tolist()
        [0.0625, 1.0]
    """
    minimum, total = np.minimum(only_first, only_second), only_first + only_second
    tail = np.asarray(bdtr(minimum.astype(np.float64), total, 0.5), np.float64)
    return np.minimum(1.0, 2 * tail)


def holm(p_values: Floats) -> Floats:
    """p-values corrected for their number: calling those below 0.05 errs at all in at most 5 % of families.

    Args:
        p_values: ``(T,)`` of one family of tests.

    Returns:
        ``(T,)``, none lower than before.

    Examples:
        >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted
