"""Suspicion of a label by models' probabilities."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.kernels.label_margin import common_answer, normalised_margin
from tests.support.needs import need_package


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_a_margin_ranks_as_the_difference_of_probabilities(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.ones(classes), 20)
    label, rest = probability[:, 0], probability[:, 1:].max(axis=1)
    score = normalised_margin(label, rest)
    assert ((score >= 0) & (score <= 1)).all()
    assert ((score > 0.5) == (label < rest)).all()
    assert np.array_equal(np.argsort(score, kind="stable"), np.argsort(rest - label, kind="stable"))


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_a_margin_is_one_less_that_of_cleanlab(seed: int, classes: int) -> None:
    need_package("cleanlab")
    from cleanlab.rank import get_normalized_margin_for_each_label  # type: ignore[import-untyped]

    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.ones(classes), 20)
    labels = rng.integers(0, classes, 20)
    of_label = probability[np.arange(20), labels]
    others = probability.copy()
    others[np.arange(20), labels] = 0
    expected = 1 - get_normalized_margin_for_each_label(labels, probability)
    np.testing.assert_allclose(normalised_margin(of_label, others.max(axis=1)), expected, atol=1e-9)


def test_one_model_that_keeps_the_label_is_enough_to_disagree() -> None:
    answers = np.array([[4, 4, 4], [4, 1, 4], [4, 4, -1]])
    assert common_answer(answers, np.array([1, 1, 1])).tolist() == [4, -1, -1]
