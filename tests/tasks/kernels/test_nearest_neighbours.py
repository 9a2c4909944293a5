"""Neighbours by blocks against the whole matrix of products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.kernels import nearest_neighbours as module
from reground.tasks.kernels.nearest_neighbours import nearest_neighbours, normalise


def whole(queries: np.ndarray, base: np.ndarray, k: int, exclude_self: bool) -> np.ndarray:
    products = queries @ base.T
    if exclude_self:
        np.fill_diagonal(products, -np.inf)
    return np.argsort(-products, axis=1, kind="stable")[:, : min(k, len(base) - exclude_self)]


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40), st.integers(0, 12), st.integers(1, 9))
def test_blocks_change_nothing(seed: int, n: int, m: int, k: int, block: int) -> None:
    # Small whole numbers: products are exact, and many are equal.
    rng = np.random.default_rng(seed)
    queries, base = (rng.integers(-2, 3, (size, 3)).astype(np.float32) for size in (n, m))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        rows, cosines = nearest_neighbours(queries, base, k)
        own, _ = nearest_neighbours(queries, queries, k, own=0)
        part, _ = nearest_neighbours(queries[n // 2 :], queries, k, own=n // 2)
    assert np.array_equal(rows, whole(queries, base, k, False))
    assert np.array_equal(cosines, np.take_along_axis(queries @ base.T, rows, axis=1))
    assert np.array_equal(own, whole(queries, queries, k, True))
    assert np.array_equal(part, own[n // 2 :])


def test_a_length_does_not_count_and_zeros_are_near_to_nothing() -> None:
    vectors = normalise(np.array([[1e-3, 0.0], [1e3, 0.0], [0.0, 0.0]]))
    rows, cosines = nearest_neighbours(vectors, vectors, 2, own=0)
    assert rows[:2, 0].tolist() == [1, 0]
    assert cosines[2].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_named_by_its_row(value: float) -> None:
    with pytest.raises(ValueError, match="row 1 "):
        normalise(np.array([[1.0], [value]]))


def test_half_precision_is_enough() -> None:
    vectors = np.random.default_rng(0).normal(size=(300, 64))
    full, half = normalise(vectors), normalise(vectors.astype(np.float16))
    assert (nearest_neighbours(full, full, 1, own=0)[0] == nearest_neighbours(half, half, 1, own=0)[0]).mean() > 0.98
