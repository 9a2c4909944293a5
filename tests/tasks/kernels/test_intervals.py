"""Intervals against an independent oracle: the score test inverted by root finding, and coverage."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from reground.tasks.kernels.intervals import (
    Estimate,
    mean_estimate,
    paired_difference,
    paired_mean,
    proportion,
    uncertain_proportion,
    wilson,
)

BOOLS = st.lists(st.booleans(), min_size=1, max_size=200).map(lambda values: np.array(values, bool))
PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=200).map(lambda v: np.array(v, bool))


@given(BOOLS, st.sampled_from([0.8, 0.95, 0.99]))
def test_share_inverts_the_score_test(hits: np.ndarray, level: float) -> None:
    z, p, n = NormalDist().inv_cdf((1 + level) / 2), hits.mean(), len(hits)

    def distance(q: float) -> float:
        return abs(p - q) - z * math.sqrt(q * (1 - q) / n)

    found = proportion(hits, level)
    assert found.value == pytest.approx(p) and found.n == n
    assert found.low == pytest.approx(0 if p == 0 else brentq(distance, 1e-12, p - 1e-9), abs=1e-6)
    assert found.high == pytest.approx(1 if p == 1 else brentq(distance, p + 1e-9, 1 - 1e-12), abs=1e-6)


def test_nothing_measured_is_not_a_number() -> None:
    empty = np.array([], bool)
    assert proportion(empty).n == 0 and math.isnan(proportion(empty).value)
    assert paired_difference(empty, empty).n == 0


@given(PAIRS)
def test_paired_difference_turns_with_its_arguments(pairs: np.ndarray) -> None:
    one, other = paired_difference(pairs[:, 0], pairs[:, 1]), paired_difference(pairs[:, 1], pairs[:, 0])
    assert one.value == pytest.approx(-other.value)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert -1 - 1e-9 <= one.low <= one.value <= one.high <= 1 + 1e-9


def test_paired_difference_covers_what_it_promises() -> None:
    rng = np.random.default_rng(0)
    kept = []
    for _ in range(2000):
        hard = rng.random(60)
        pair = np.stack([hard < 0.85, hard + rng.normal(0, 0.1, 60) < 0.7])
        found = paired_difference(pair[0], pair[1])
        kept.append(found.low <= TRUE_GAP <= found.high)
    assert 0.93 <= np.mean(kept) <= 0.995


_LARGE = np.random.default_rng(1)
_HARD = _LARGE.random(2_000_000)
TRUE_GAP = float((_HARD < 0.85).mean() - (_HARD + _LARGE.normal(0, 0.1, _HARD.size) < 0.7).mean())


def test_pairs_must_be_pairs() -> None:
    with pytest.raises(ValueError, match="2 and 3 items"):
        paired_difference(np.ones(2, bool), np.ones(3, bool))


COUNTS = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(st.lists(COUNTS, min_size=1, max_size=9))
def test_a_mean_lies_between_and_is_surer_than_its_parts(counts: list[tuple[int, int]]) -> None:
    parts = [wilson(hits, n) for hits, n in counts]
    found = mean_estimate(parts)
    assert found.value == pytest.approx(np.mean([hits / n for hits, n in counts]))
    assert found.n == sum(n for _, n in counts)
    # Means of the ends would hold if all parts erred together; independent ones are surer.
    assert np.mean([part.low for part in parts]) - 1e-9 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= np.mean([part.high for part in parts]) + 1e-9
    assert mean_estimate([*parts, Estimate(math.nan, math.nan, math.nan, 0)]) == found


def test_a_mean_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    truth, sizes = np.array([0.95, 0.8, 0.6, 0.9]), (20, 40, 15, 60)
    hits = np.stack([rng.binomial(n, p, 2000) for n, p in zip(sizes, truth, strict=True)], 1)
    found = [mean_estimate([wilson(int(h), n) for h, n in zip(row, sizes, strict=True)]) for row in hits]
    covered = np.mean([estimate.low <= truth.mean() <= estimate.high for estimate in found])
    assert 0.93 <= covered <= 0.97


def test_a_mean_of_nothing_is_not_a_number() -> None:
    assert mean_estimate([]).n == 0 and math.isnan(mean_estimate([]).value)


def test_a_mean_of_values_between_zero_and_one_is_covered() -> None:
    rng = np.random.default_rng(0)
    values = rng.beta(0.4, 0.2, (2000, 40))
    found = [wilson(float(row.sum()), 40) for row in values]
    assert np.mean([e.low <= 0.4 / 0.6 <= e.high for e in found]) >= 0.95


def judged_world(rng: np.random.Generator, images: int, sure: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the model's labels, and whether they hold; ``sure`` draws them to 0 and 1, as many votes do."""
    probability = rng.beta(1 / sure, 0.4 / sure, images)
    return probability, rng.random(images) < probability


def settled(probability: np.ndarray) -> Estimate:
    """As labels would be settled: they hold from one half on."""
    return proportion(probability >= 0.5)


@pytest.mark.parametrize("images", [30, 400])
@pytest.mark.parametrize("sure", [1.0, 5.0, 50.0])
def test_the_true_accuracy_lies_in_at_least_95_of_100_intervals(images: int, sure: float) -> None:
    """Both the accuracy on these images and that on all images like them, for few votes and for many."""
    rng = np.random.default_rng(int(images + sure))
    of_all = 1 / 1.4
    here, there = [], []
    for _ in range(1500):
        probability, right = judged_world(rng, images, sure)
        found = uncertain_proportion(settled(probability), probability)
        here.append(found.low <= right.mean() <= found.high)
        there.append(found.low <= of_all <= found.high)
    assert np.mean(here) >= 0.95 and np.mean(there) >= 0.94
    if sure == 50.0:  # labels all but known: neither more nor less than Wilson's
        assert np.mean(there) <= 0.985


def test_unsure_labels_widen_the_interval() -> None:
    counted = wilson(80, 100)
    sure = np.repeat([1.0, 0.0], [80, 20])
    unsure = np.repeat([0.95, 0.2], [80, 20])
    narrow, wide = (uncertain_proportion(counted, hit) for hit in (sure, unsure))
    assert (narrow.low, narrow.high) == pytest.approx((counted.low, counted.high))
    assert wide.high - wide.low > 1.05 * (narrow.high - narrow.low)


@given(st.integers(0, 10**6), st.integers(1, 60))
def test_an_interval_holds_its_value_and_stays_a_share(seed: int, images: int) -> None:
    probability, _ = judged_world(np.random.default_rng(seed), images, 3.0)
    found = uncertain_proportion(settled(probability), probability)
    assert 0 <= found.low <= found.value <= found.high <= 1 and found.n == images


def test_the_spread_of_labels_is_that_of_drawing_them() -> None:
    """The closed form against resamples that keep the images and draw only the labels."""
    rng = np.random.default_rng(3)
    hit = rng.beta(1, 1, 2000)
    shares = (rng.random((3000, 2000)) < hit).mean(axis=1)
    centre = Estimate(float(hit.mean()), 0.5, 0.5, 2000)
    found, images = uncertain_proportion(centre, hit), wilson(float(hit.sum()), 2000)
    spread = math.sqrt((found.high - centre.value) ** 2 - (images.high - centre.value) ** 2)
    assert spread / NormalDist().inv_cdf(0.975) == pytest.approx(np.std(shares), rel=0.05)


def test_nothing_counted_stays_nothing() -> None:
    assert uncertain_proportion(wilson(0, 0), np.zeros(0)).n == 0


def test_a_mean_of_differences_covers_what_it_promises() -> None:
    """Few, skewed and small differences: 95 % intervals contain the true mean at least as often."""
    rng = np.random.default_rng(1)
    for size, values, weights in (
        (20, [-1, 0, 1], [0.1, 0.8, 0.1]),
        (60, [-1, -0.5, 0, 0.5, 1], [0.2, 0.1, 0.6, 0.05, 0.05]),
        (200, [-0.2, 0, 0.1], [0.1, 0.7, 0.2]),
        (200, [-1, 1], [0.4, 0.6]),
    ):
        mean = float(np.dot(values, weights))
        estimates = [paired_mean(rng.choice(values, size, p=weights).astype(float)) for _ in range(1000)]
        assert np.mean([one.low <= mean <= one.high for one in estimates]) > 0.93


@given(PAIRS)
def test_of_hits_and_misses_the_mean_is_the_paired_difference(pairs: np.ndarray) -> None:
    mean = paired_mean(pairs[:, 0].astype(float) - pairs[:, 1])
    assert mean.value == pytest.approx(paired_difference(pairs[:, 0], pairs[:, 1]).value)
    assert -1 - 1e-9 <= mean.low <= mean.value <= mean.high <= 1 + 1e-9


def test_nothing_to_average_is_not_a_number() -> None:
    assert math.isnan(paired_mean(np.zeros(0)).value)
