"""Intervals against an independent oracle: the score test inverted by root finding, and coverage."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from tasks.kernels.intervals import Estimate, mean, paired_difference, share, wilson

BOOLS = st.lists(st.booleans(), min_size=1, max_size=200).map(lambda values: np.array(values, bool))
PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=200).map(lambda v: np.array(v, bool))


@given(BOOLS, st.sampled_from([0.8, 0.95, 0.99]))
def test_share_inverts_the_score_test(hits: np.ndarray, level: float) -> None:
    z, p, n = NormalDist().inv_cdf((1 + level) / 2), hits.mean(), len(hits)

    def distance(q: float) -> float:
        return abs(p - q) - z * math.sqrt(q * (1 - q) / n)

    found = share(hits, level)
    assert found.value == pytest.approx(p) and found.n == n
    assert found.low == pytest.approx(0 if p == 0 else brentq(distance, 1e-12, p - 1e-9), abs=1e-6)
    assert found.high == pytest.approx(1 if p == 1 else brentq(distance, p + 1e-9, 1 - 1e-12), abs=1e-6)


def test_nothing_measured_is_not_a_number() -> None:
    empty = np.array([], bool)
    assert share(empty).n == 0 and math.isnan(share(empty).value)
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
    found = mean(parts)
    assert found.value == pytest.approx(np.mean([hits / n for hits, n in counts]))
    assert found.n == sum(n for _, n in counts)
    # Means of the ends would hold if all parts erred together; independent ones are surer.
    assert np.mean([part.low for part in parts]) - 1e-9 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= np.mean([part.high for part in parts]) + 1e-9
    assert mean([*parts, Estimate(math.nan, math.nan, math.nan, 0)]) == found


def test_a_mean_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    truth, sizes = np.array([0.95, 0.8, 0.6, 0.9]), (20, 40, 15, 60)
    hits = np.stack([rng.binomial(n, p, 2000) for n, p in zip(sizes, truth, strict=True)], 1)
    found = [mean([wilson(int(h), n) for h, n in zip(row, sizes, strict=True)]) for row in hits]
    covered = np.mean([estimate.low <= truth.mean() <= estimate.high for estimate in found])
    assert 0.93 <= covered <= 0.97


def test_a_mean_of_nothing_is_not_a_number() -> None:
    assert mean([]).n == 0 and math.isnan(mean([]).value)
