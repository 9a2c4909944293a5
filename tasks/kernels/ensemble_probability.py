"""What several models say together of a label and of the best other class, from their most probable classes alone.

A class that a model does not list counts as 0 there: its mean is a lower bound.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BLOCK: Final = 8192
"""Images at once: their pairs of listed classes take 15 MiB with three models' top-5."""


def best_other(classes: Ints, probability: Floats, labels: Ints) -> tuple[Ints, Floats]:
    """The class other than the label with the largest sum of probabilities, and that sum.

    Args:
        classes: ``(N, K)`` classes that any of the models lists, once for each model that does; negative: none.
        probability: ``(N, K)`` of each, finite.
        labels: ``(N,)``.

    Returns:
        Classes ``(N,) int64``, of equals the first listed, -1: none is listed; and sums ``(N,) float64``, 0 then.

    Examples:
        Two models list class 5 with 0.25 each, and one of them class 7 with 0.375; class 3 is the label.

        >>> classes, sums = best_other(np.array([[3, 5, 7, 5]]), np.array([[0.5, 0.25, 0.375, 0.25]]), np.array([3]))
        >>> classes.tolist(), sums.tolist()
        ([5], [0.5])
    """
    best, sums = np.full(len(labels), -1, np.int64), np.zeros(len(labels))
    for start in range(0, len(labels), BLOCK):
        block = slice(start, start + BLOCK)
        listed, values = classes[block], probability[block]
        same = listed[:, :, None] == listed[:, None, :]
        totals = (same * values[:, None, :]).sum(axis=2)
        totals = np.where((listed >= 0) & (listed != labels[block, None]), totals, -1.0)
        if not totals.shape[1]:
            continue
        first = totals.argmax(axis=1)
        rows = np.arange(len(listed))
        exists = totals[rows, first] >= 0
        best[block] = np.where(exists, listed[rows, first], -1)
        sums[block] = np.where(exists, totals[rows, first], 0.0)
    return best, sums
