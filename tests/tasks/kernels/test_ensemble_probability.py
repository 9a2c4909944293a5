"""The best class beside the label: against adding up each class by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.kernels.ensemble_probability import best_other


@given(st.integers(0, 10_000), st.integers(0, 12), st.integers(0, 7))
def test_sums_are_those_of_a_loop(seed: int, rows: int, listed: int) -> None:
    rng = np.random.default_rng(seed)
    classes = rng.integers(-1, 5, (rows, listed))
    probability = rng.integers(0, 5, (rows, listed)) / 8  # sums are exact, and ties are common
    labels = rng.integers(0, 5, rows)
    best, sums = best_other(classes, probability, labels)
    for row in range(rows):
        totals: dict[int, float] = {}
        for class_idx, value in zip(classes[row].tolist(), probability[row].tolist(), strict=True):
            if class_idx >= 0 and class_idx != labels[row]:
                totals[class_idx] = totals.get(class_idx, 0) + value
        expected = max(totals, key=lambda one: totals[one], default=-1)  # of equals the first
        assert (best[row], sums[row]) == (expected, totals.get(expected, 0))
