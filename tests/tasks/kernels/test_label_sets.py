"""Agreement of label sets: against scikit-learn, by symmetry, and how often intervals contain the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.kernels.intervals import Estimate
from reground.tasks.kernels.label_sets import LabelPairs, SetAgreement, disagreement, pair_labels, set_agreement
from tests.support.needs import need_package

LABELS = 5
SETS = st.lists(
    st.tuples(st.sets(st.integers(0, LABELS - 1)), st.sets(st.integers(0, LABELS - 1))), min_size=1, max_size=12
)
Sets = list[tuple[set[int], set[int]]]


def pairs_of(sets: Sets) -> LabelPairs:
    sides = ([(n, label) for n, row in enumerate(sets) for label in sorted(row[side])] for side in (0, 1))
    first, second = (np.array(side, np.int64).reshape(-1, 2) for side in sides)
    return pair_labels((first[:, 0], first[:, 1]), (second[:, 0], second[:, 1]))


def indicator(sets: Sets, side: int) -> np.ndarray:
    return np.array([[label in row[side] for label in range(LABELS)] for row in sets])


def agreement(sets: Sets, resamples: int = 50) -> SetAgreement:
    return set_agreement(pairs_of(sets), len(sets), resamples, seed=0)


@given(SETS)
def test_values_are_those_of_scikit_learn(sets: Sets) -> None:
    need_package("sklearn")
    from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

    found = agreement(sets)
    of_second, of_first = indicator(sets, 1), indicator(sets, 0)
    assert found.exact.value == pytest.approx(accuracy_score(of_second, of_first))
    for estimate, score, count in (
        (found.precision, precision_score, found.first),
        (found.recall, recall_score, found.second),
        (found.f1, f1_score, found.first + found.second),
    ):
        if count:
            assert estimate.value == pytest.approx(score(of_second, of_first, average="micro", zero_division=0))
        else:
            assert math.isnan(estimate.value)


@given(SETS, st.integers(0, LABELS - 1))
def test_one_class_is_a_binary_problem(sets: Sets, label: int) -> None:
    need_package("sklearn")
    from sklearn.metrics import f1_score, jaccard_score

    pairs = pairs_of(sets)
    selected = pairs.select(np.flatnonzero(pairs.label == label))
    found = set_agreement(selected, None, 20, seed=0)
    second, first = ([label in row[side] for row in sets] for side in (1, 0))
    named = sum(a or b for a, b in zip(first, second, strict=True))
    assert found.exact.n == found.f1.n == named
    if named:
        assert found.f1.value == pytest.approx(f1_score(second, first, zero_division=0))
        assert found.exact.value == pytest.approx(jaccard_score(second, first, zero_division=0))


@given(SETS)
def test_the_sets_change_places(sets: Sets) -> None:
    there, back = agreement(sets), agreement([(second, first) for first, second in sets])
    assert same(there.precision, back.recall) and same(there.recall, back.precision)
    assert same(there.f1, back.f1) and same(there.exact, back.exact)


@given(SETS)
def test_values_lie_in_their_intervals(sets: Sets) -> None:
    found = agreement(sets)
    for estimate in (found.exact, found.precision, found.recall, found.f1):
        assert estimate.n == len(sets)
        assert math.isnan(estimate.value) or 0 <= estimate.low <= estimate.value <= estimate.high <= 1


@given(SETS, st.permutations(range(12)))
def test_the_order_of_images_changes_no_value(sets: Sets, order: list[int]) -> None:
    shuffled = [sets[n] for n in order if n < len(sets)]
    assert same_value(agreement(sets).f1, agreement(shuffled).f1)
    assert agreement(sets).both == agreement(shuffled).both


@given(SETS)
def test_disagreement_is_the_jaccard_distance(sets: Sets) -> None:
    pairs = pairs_of(sets)
    found = disagreement(pairs, np.ones(len(pairs.label)), len(sets))
    expected = [1 - len(a & b) / len(a | b) if a | b else 0.0 for a, b in sets]
    assert found.tolist() == pytest.approx(expected)


def test_equal_sets_of_few_images_are_not_certain() -> None:
    found = agreement([({1}, {1}), ({2}, {2}), ({3}, {3})])
    assert found.f1.value == found.precision.high == 1 and found.precision.low < 0.5 and found.f1.low < 0.65


def test_without_images_or_labels_nothing_is_known() -> None:
    for found in (agreement([]), agreement([(set(), set())])):
        assert math.isnan(found.precision.value) and math.isnan(found.f1.high)
    assert agreement([(set(), set())]).exact.value == 1


def test_images_are_resampled_and_not_labels() -> None:
    """Ten labels of an image that stand and fall together: one draw, not ten."""
    rng = np.random.default_rng(0)
    right = rng.random(60) < 0.7
    whole = [(set(range(10)), set(range(10)) if ok else set(range(10, 20))) for ok in right]
    single = [({0}, {0} if ok else {10}) for ok in right]
    wide, narrow = (agreement(sets, 2000).precision for sets in (whole, single))
    assert wide.value == narrow.value
    assert wide.high - wide.low == pytest.approx(narrow.high - narrow.low, rel=0.15)


def test_intervals_contain_the_true_value_about_95_times_in_100() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for trial in range(200):
        sets: Sets = []
        for _ in range(150):
            second = set(np.flatnonzero(rng.random(4) < 0.4).tolist())
            first = {label for label in range(4) if rng.random() < (0.8 if label in second else 0.1)}
            sets.append((first, second))
        precision = set_agreement(pairs_of(sets), 150, 300, seed=trial).precision
        inside += precision.low <= 0.8 * 0.4 / (0.8 * 0.4 + 0.1 * 0.6) <= precision.high
    assert 0.9 <= inside / 200 <= 0.99


def same(a: Estimate, b: Estimate) -> bool:
    return all(x == y or (math.isnan(x) and math.isnan(y)) for x, y in zip(a, b, strict=True))


def same_value(a: Estimate, b: Estimate) -> bool:
    return a.value == b.value or (math.isnan(a.value) and math.isnan(b.value))
