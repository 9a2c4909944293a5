"""The gain of one more answer, against its definition summed answer by answer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from reground.tasks.kernels.information import expected_shift, information_gain

Floats = npt.NDArray[np.float64]
WEIGHTS = st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3).filter(lambda w: sum(w) > 1e-3)


def shares(rows: list[list[float]]) -> Floats:
    weights = np.array(rows)
    return weights / weights.sum(axis=1, keepdims=True)


def by_answers(belief: Floats, answers: Floats) -> float:
    """Entropy now, less that after each answer, by how likely the answer is."""
    joint = belief[:, None] * answers
    after = [p * entropy(column / p, base=2) for column in joint.T if (p := column.sum()) > 0]
    return float(entropy(belief, base=2) - sum(after))


@given(st.lists(WEIGHTS, min_size=1, max_size=4), st.lists(WEIGHTS, min_size=3, max_size=3))
def test_is_the_expected_fall_of_entropy(belief: list[list[float]], answers: list[list[float]]) -> None:
    rows, likely = shares(belief), shares(answers)
    found = information_gain(rows, likely)
    np.testing.assert_allclose(found, [by_answers(row, likely) for row in rows], atol=1e-9)
    assert np.all(found >= 0)


def test_nothing_to_learn_of_the_known_or_from_the_random() -> None:
    sure, open_ = np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]])
    telling, random = np.eye(2), np.full((2, 3), 1 / 3)
    assert information_gain(sure, telling) == 0
    assert information_gain(open_, random) == 0
    assert information_gain(open_, telling) == 1


def by_shifts(belief: Floats, answers: Floats, forecast: Floats) -> float:
    """Divergence of the belief after each answer from that before it, by how likely the forecast finds the answer."""
    joint = belief[:, None] * answers
    shifts = [entropy(column / column.sum(), belief, base=2) for column in joint.T]
    return float(sum(p * shift for p, shift in zip(forecast @ answers, shifts, strict=True)))


POSITIVE = st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3)


@given(st.lists(st.tuples(POSITIVE, WEIGHTS), min_size=1, max_size=4), st.lists(POSITIVE, min_size=3, max_size=3))
def test_is_the_expected_shift_of_a_belief(
    beliefs: list[tuple[list[float], list[float]]], answers: list[list[float]]
) -> None:
    rows, forecast = shares([own for own, _ in beliefs]), shares([other for _, other in beliefs])
    likely = shares(answers)
    expected = [by_shifts(row, likely, other) for row, other in zip(rows, forecast, strict=True)]
    np.testing.assert_allclose(expected_shift(rows, likely, forecast), expected, atol=1e-9)
    np.testing.assert_allclose(expected_shift(rows, likely, rows), information_gain(rows, likely), atol=1e-9)


def test_an_answer_that_no_state_gives_moves_nothing() -> None:
    certain = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert expected_shift(np.array([[1.0, 0.0]]), certain, np.array([[0.0, 1.0]])) == 0
