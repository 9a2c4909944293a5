"""The gain of one more answer, against its definition summed answer by answer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from reground.tasks.kernels.information import information_gain

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
