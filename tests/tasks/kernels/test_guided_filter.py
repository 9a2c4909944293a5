"""A small picture is brought to size along the edges of its guide."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from reground.tasks.kernels.guided_filter import guided_enlargement


def edge(height: int, width: int, at: float) -> np.ndarray:
    """Dark up to a slanted line, then light."""
    y, x = np.mgrid[:height, :width]
    return np.where((x + 0.5) / width > at + 0.2 * (y + 0.5) / height, 0.8, 0.2).astype(np.float32)


def shrunk(guide: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(cv2.resize(guide, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def test_the_edge_of_the_guide_is_followed():
    guide = edge(200, 300, 0.35)
    small = shrunk(guide, 30, 20)
    truth, coarse = guide > 0.5, (small > 0.5).astype(np.float32)
    found = guided_enlargement(coarse, small, guide, radius=2, epsilon=1e-3) > 0.5
    plain = cv2.resize(coarse, (300, 200), interpolation=cv2.INTER_LINEAR) > 0.5
    assert (found != truth).mean() < 0.001 < 0.003 < (plain != truth).mean()


@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
def test_a_flat_picture_stays_flat(level):
    guide = np.random.default_rng(0).random((40, 50)).astype(np.float32)
    small = shrunk(guide, 10, 8)
    found = guided_enlargement(np.full((8, 10), level, np.float32), small, guide, radius=2, epsilon=1e-3)
    assert found.shape == (40, 50) and found.dtype == np.float32
    np.testing.assert_allclose(found, level, atol=1e-5)
