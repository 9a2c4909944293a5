"""McNemar's exact test and Holm's correction against independent oracles."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from reground.tasks.kernels.paired_tests import holm, mcnemar

COUNTS = st.integers(0, 400)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(COUNTS, COUNTS)
def test_mcnemar_is_the_binomial_test_of_the_images_on_which_two_differ(first: int, second: int) -> None:
    found = mcnemar(np.array([first]), np.array([second]))[0]
    expected = binomtest(first, first + second, 0.5).pvalue if first + second else 1.0
    assert found == pytest.approx(expected, rel=1e-9)


def test_mcnemar_on_many_images() -> None:
    assert mcnemar(np.array([20_000]), np.array([20_000]))[0] == 1
    assert 0 <= mcnemar(np.array([30_000]), np.array([10]))[0] < 1e-300


@given(P_VALUES)
def test_holm_is_the_closed_test_of_bonferroni(p_values: list[float]) -> None:
    """By closure: a hypothesis falls if every set of hypotheses with it falls by Bonferroni."""
    p_values = p_values[:7]
    given_p = np.array(p_values)
    found = holm(given_p)
    indices = range(len(p_values))
    sets = [s for size in range(1, len(p_values) + 1) for s in itertools.combinations(indices, size)]
    expected = [max(min(1.0, len(s) * min(given_p[list(s)])) for s in sets if i in s) for i in indices]
    assert found == pytest.approx(np.array(expected))


@given(P_VALUES)
def test_holm_never_lowers_and_keeps_the_order(p_values: list[float]) -> None:
    found = holm(np.array(p_values))
    assert (found >= np.array(p_values)).all() and (found <= 1).all()
    assert (np.diff(found[np.argsort(p_values, kind="stable")]) >= 0).all()


def test_a_family_of_none() -> None:
    assert len(holm(np.array([]))) == 0
