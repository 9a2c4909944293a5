"""Recall and average precision of partly judged rankings, against plain Python and planted populations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.kernels.ranked_retrieval import Stratum, average_precision, bootstrap_average_precision, recall


def plain(score: list[float], relevant: list[bool], weight: list[float]) -> float:
    """By its definition: at each relevant item, the share of relevant weight among all of at least its score."""
    total = sum(w for w, r in zip(weight, relevant, strict=True) if r)
    if not total:
        return math.nan
    result = 0.0
    for own_score, own_relevant, own_weight in zip(score, relevant, weight, strict=True):
        if own_relevant and own_weight:
            above = [n for n, other in enumerate(score) if other >= own_score]
            hits = sum(weight[n] for n in above if relevant[n])
            result += own_weight / total * hits / sum(weight[n] for n in above)
    return result


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40))
def test_average_precision_is_that_of_plain_python(seed: int, n: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    score, relevant = rng.integers(0, levels, n) / levels, rng.random(n) < 0.3
    weight = rng.integers(0, 4, n).astype(float)
    expected = plain(score.tolist(), relevant.tolist(), weight.tolist())
    assert average_precision(score, relevant, weight) == pytest.approx(expected, nan_ok=True)
    ones = np.ones(n)
    estimate = bootstrap_average_precision(score, relevant, ones, resamples=50, seed=seed)
    assert estimate.value == pytest.approx(average_precision(score, relevant, ones), nan_ok=True)
    assert not relevant.any() or 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_the_interval_holds_the_average_precision_of_the_population() -> None:
    rng = np.random.default_rng(0)
    relevant = rng.random(20_000) < 0.2
    score = rng.normal(0, 1, 20_000) + relevant
    whole = average_precision(score, relevant, np.ones(20_000))
    held = []
    for seed in range(150):
        rows = rng.integers(0, 20_000, 300)
        estimate = bootstrap_average_precision(score[rows], relevant[rows], np.ones(300), resamples=200, seed=seed)
        held.append(estimate.low <= whole <= estimate.high)
    assert np.mean(held) >= 0.9


def test_what_was_judged_first_does_not_make_a_score_better() -> None:
    """A score that finds a tenth of the errors, of which nearly all flagged images are judged and few others.

    Fails where judged items are counted as they are: recall is above 0.8 then, and average precision above 0.4.
    """
    rng = np.random.default_rng(0)
    held, precisions = [], []
    flagged = np.arange(20_000) < 200
    relevant = np.where(flagged, rng.random(20_000) < 0.5, rng.random(20_000) < 0.045)
    score = np.linspace(1, 0, 20_000, dtype=np.float64)
    of_all = (relevant & flagged).sum() / relevant.sum()
    whole = average_precision(score, relevant, np.ones(20_000))
    for seed in range(200):
        judged = rng.random(20_000) < np.where(flagged, 0.95, 0.02)
        strata = [
            Stratum(int(side.sum()), int((judged & side).sum()), int((judged & side & relevant).sum()))
            for side in (flagged, ~flagged)
        ]
        estimate = recall(*strata, resamples=400, seed=seed)
        held.append(estimate.low <= of_all <= estimate.high)
        share = [stratum.size / stratum.judged for stratum in strata]
        weight = np.where(flagged[judged], *share)
        precisions.append(average_precision(score[judged], relevant[judged], weight))
    assert of_all < 0.15 and np.mean(held) >= 0.92
    assert np.mean(precisions) == pytest.approx(whole, rel=0.15)


def test_recall_is_unknown_where_nobody_looked() -> None:
    assert math.isnan(recall(Stratum(10, 5, 5), Stratum(90, 0, 0)).value)
    assert math.isnan(recall(Stratum(10, 0, 0), Stratum(90, 5, 1)).value)
    assert math.isnan(recall(Stratum(10, 5, 0), Stratum(90, 5, 0)).value)
    assert recall(Stratum(10, 10, 4), Stratum(0, 0, 0)).value == 1
    assert recall(Stratum(0, 0, 0), Stratum(90, 9, 1)).value == 0


def test_where_all_is_judged_recall_is_counted() -> None:
    estimate = recall(Stratum(10, 10, 4), Stratum(90, 90, 6))
    assert (estimate.value, estimate.n) == (pytest.approx(0.4), 100) and estimate.low < 0.4 < estimate.high
