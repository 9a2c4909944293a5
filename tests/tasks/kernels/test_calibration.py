"""Reliability tables and the calibration error on planted models."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.kernels.calibration import expected_calibration_error, reliability


@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.integers(1, 20), st.integers(1, 30))
def test_bins_hold_all_images_and_share_no_confidence(seed: int, n: int, bins: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    confidence = rng.integers(0, levels + 1, n) / levels
    correct = rng.integers(0, 2, n).astype(float)
    table = reliability(confidence, correct, bins)
    assert table.n.sum() == n and (table.n > 0).all() and len(table.n) <= bins
    assert np.isclose((table.n * table.accuracy).sum(), correct.sum())
    assert np.isclose((table.n * table.confidence).sum(), confidence.sum())
    assert (np.diff(table.confidence) > 0).all()
    # The images in order of confidence fill the bins in order.
    edges = np.cumsum(table.n)[:-1]
    ordered = np.sort(confidence)
    assert all(ordered[edge - 1] < ordered[edge] for edge in edges)


def test_a_model_that_is_right_as_often_as_it_says_has_no_error() -> None:
    confidence = np.repeat([0.25, 0.75], 100)
    correct = np.tile([1.0, 0.0, 0.0, 0.0], 25).tolist() + np.tile([1.0, 1.0, 1.0, 0.0], 25).tolist()
    assert expected_calibration_error(reliability(confidence, np.array(correct))) == pytest.approx(0)


def test_a_sure_model_that_is_half_right_is_off_by_half() -> None:
    table = reliability(np.ones(100), np.tile([1.0, 0.0], 50))
    assert (table.n.tolist(), expected_calibration_error(table)) == ([100], 0.5)


def test_bins_are_of_equal_mass() -> None:
    table = reliability(np.linspace(0.9, 1, 150, dtype=np.float64), np.ones(150), bins=15)
    assert table.n.tolist() == [10] * 15


def test_no_image_is_no_bin() -> None:
    table = reliability(np.array([]), np.array([]))
    assert len(table.n) == 0 and expected_calibration_error(table) == 0
