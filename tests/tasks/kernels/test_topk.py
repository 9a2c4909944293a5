"""Rank, then map: the array arithmetic against walking down the ranks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from reground.tasks.kernels.topk import top_k


def walk(
    probability: npt.NDArray[np.float32], class_of: npt.NDArray[np.int32], k: int
) -> tuple[list[int], list[float]]:
    """One row: from the most probable output down, skipping classes met before."""
    classes: list[int] = []
    chances: list[float] = []
    for output in sorted(range(len(probability)), key=lambda i: (-probability[i], i)):
        class_idx = int(class_of[output])
        if len(classes) < k and (class_idx == -1 or class_idx not in classes):
            classes.append(class_idx)
            chances.append(float(probability[output]))
    return classes, chances


@given(st.data())
def test_top_k_is_a_walk_down_the_ranks(data: st.DataObject) -> None:
    rows, outputs = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 12))
    # Few distinct values, so that ties are common.
    chances = st.sampled_from([0.0, 0.1, 0.25, 0.25, 0.5, 1.0])
    probability = data.draw(arrays.arrays(np.float32, (rows, outputs), elements=chances.map(np.float32)))
    class_of = data.draw(arrays.arrays(np.int32, outputs, elements=st.integers(-1, 6)))
    k = data.draw(st.integers(1, 14))
    class_idx, best = top_k(probability, class_of, k)
    for row in range(rows):
        assert (class_idx[row].tolist(), best[row].tolist()) == walk(probability[row], class_of, k)


def test_probabilities_are_not_summed() -> None:
    """Two outputs of one class, 0.3 each, lose to one of 0.4 (backgrounds_challenge's argmax, then map)."""
    probability = np.array([[0.3, 0.3, 0.4]], np.float32)
    class_idx, best = top_k(probability, np.array([5, 5, 9], np.int32), k=5)
    assert class_idx.tolist() == [[9, 5]]
    np.testing.assert_array_equal(best, np.array([[0.4, 0.3]], np.float32))
