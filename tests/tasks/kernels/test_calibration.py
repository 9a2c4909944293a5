"""Reliability tables and the calibration error on planted models."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.kernels.calibration import bootstrap_calibration_error, expected_calibration_error, reliability


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


def plain(confidence: list[float], correct: list[float], bins: int) -> tuple[list[tuple[int, float, float]], float]:
    """Bins and error with neither arrays nor sums by bin: images in order, cut where a value's middle image falls."""
    order = sorted(range(len(confidence)), key=lambda n: confidence[n])
    members: dict[int, list[int]] = {}
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and confidence[order[end]] == confidence[order[start]]:
            end += 1
        number = min(int((start + end) / 2 * bins / len(order)), bins - 1)
        members.setdefault(number, []).extend(order[start:end])
        start = end
    table, error = [], 0.0
    for rows in members.values():
        mean = sum(confidence[n] for n in rows) / len(rows)
        share = sum(correct[n] for n in rows) / len(rows)
        table.append((len(rows), mean, share))
        error += len(rows) / len(order) * abs(share - mean)
    return table, error


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 20), st.integers(1, 30))
def test_table_and_error_are_those_of_plain_python(seed: int, n: int, bins: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    confidence = rng.integers(0, levels + 1, n) / levels
    correct = (rng.random(n) < confidence).astype(float)
    table, error = plain(confidence.tolist(), correct.tolist(), bins)
    rows = reliability(confidence, correct, bins)
    assert rows.n.tolist() == [size for size, _, _ in table]
    np.testing.assert_allclose(rows.confidence, [mean for _, mean, _ in table])
    np.testing.assert_allclose(rows.accuracy, [share for _, _, share in table])
    estimate, chance = bootstrap_calibration_error(confidence, correct, correct, bins, resamples=50)
    assert estimate.value == pytest.approx(error) and estimate.n == chance.n == n
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1 and chance.low <= chance.value <= chance.high


def model(rng: np.random.Generator, n: int, power: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Confidences, and answers that are right with that probability to the power: above 1 it is too sure."""
    confidence = rng.beta(4, 1, n)
    return confidence, (rng.random(n) < confidence**power).astype(float)


@pytest.mark.parametrize("n", [100, 2000])
def test_a_calibrated_model_shows_what_chance_makes_of_it(n: int) -> None:
    """Its error is never 0; its interval holds the level of chance, and chance holds its error, 95 times in 100.

    Fails where the shift of the percentiles is left out: at 15 bins no interval reaches down to the level of chance.
    """
    rng = np.random.default_rng(n)
    held, inside = [], []
    for seed in range(300):
        confidence, correct = model(rng, n)
        error, chance = bootstrap_calibration_error(confidence, correct, correct, resamples=400, seed=seed)
        held.append(error.low <= chance.value <= error.high)
        inside.append(chance.low <= error.value <= chance.high)
    assert np.mean(held) >= 0.92 and 0.92 <= np.mean(inside) <= 0.98


def test_a_model_that_is_too_sure_is_told_from_chance() -> None:
    rng = np.random.default_rng(0)
    errors = []
    for seed in range(300):
        confidence, correct = model(rng, 2000, power=2.0)
        error, chance = bootstrap_calibration_error(confidence, correct, correct, resamples=400, seed=seed)
        assert error.low > chance.high
        errors.append(error)
    mean = np.mean([error.value for error in errors])
    gap = 4 / 5 - 4 / 6  # mean of x - x^2 where x has the distribution Beta(4, 1)
    assert mean == pytest.approx(gap, abs=0.003)
    assert 0.92 <= np.mean([error.low <= mean <= error.high for error in errors]) <= 0.98


def test_the_interval_is_as_wide_as_that_of_resampled_images() -> None:
    """A plain bootstrap: images drawn with replacement, and whether their answers are right drawn anew."""
    rng = np.random.default_rng(1)
    confidence, _ = model(rng, 1500)
    probability = np.clip(confidence**1.5 + rng.normal(0, 0.05, 1500), 0, 1)
    correct = (probability >= 0.5).astype(float)
    ours, _ = bootstrap_calibration_error(confidence, correct, probability, resamples=4000)
    samples = []
    for _ in range(1000):
        rows = rng.integers(0, 1500, 1500)
        # As much noise of labels as draws would add, around the settled labels.
        noise = (rng.random(1500) < probability) - probability
        samples.append(expected_calibration_error(reliability(confidence[rows], (correct + noise)[rows])))
    low, high = np.quantile(samples, (0.025, 0.975))
    assert ours.high - ours.low == pytest.approx(high - low, rel=0.2)
    certain, _ = bootstrap_calibration_error(confidence, correct, correct, resamples=4000)
    assert certain.high - certain.low < 0.95 * (ours.high - ours.low)


def test_without_images_there_is_no_error() -> None:
    nothing = np.array([])
    error, chance = bootstrap_calibration_error(nothing, nothing, nothing)
    assert (error.n, chance.n) == (0, 0) and np.isnan(error.value)
