"""Distances along the cheapest path, against all paths."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reground.tasks.kernels.geodesic import geodesic_distance


def relaxed(colours: np.ndarray, source: np.ndarray, step: float) -> np.ndarray:
    """Bellman and Ford: shorten until nothing gets shorter."""
    height, width = source.shape
    found = np.where(source, 0.0, np.inf)
    for _ in range(source.size):
        for y in range(height):
            for x in range(width):
                for v in range(max(0, y - 1), min(height, y + 2)):
                    for u in range(max(0, x - 1), min(width, x + 2)):
                        cost = np.linalg.norm(colours[y, x] - colours[v, u]) + step * np.hypot(y - v, x - u)
                        found[y, x] = min(found[y, x], found[v, u] + cost)
    return found


@settings(max_examples=20)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**16))
def test_no_path_is_cheaper(height, width, seed):
    rng = np.random.default_rng(seed)
    colours = rng.integers(0, 9, (height, width, 3)).astype(np.float32)
    source = rng.random((height, width)) < 0.4
    np.testing.assert_allclose(geodesic_distance(colours, source, 0.5), relaxed(colours, source, 0.5), rtol=1e-6)


def test_without_a_source_all_is_infinitely_far():
    assert np.isinf(geodesic_distance(np.zeros((3, 4, 3), np.float32), np.zeros((3, 4), np.bool_), 1.0)).all()


def test_a_wall_is_gone_around():
    colours = np.zeros((5, 5, 1), np.float32)
    colours[:4, 2] = 100
    source = np.zeros((5, 5), np.bool_)
    source[:, 0] = True
    found = geodesic_distance(colours, source, 1.0)
    assert found[4, 4] == 4
    assert found[0, 4] < 10 < 100 < found[0, 2]
