"""The probability of one class, and the entropy of all outputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy as scipy_entropy

from reground.tasks.kernels.class_probability import class_probability, entropy
from reground.tasks.kernels.topk import top_k


def softmax(seed: int, rows: int, outputs: int) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(0, 5, (rows, outputs))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


@given(st.integers(0, 1000), st.integers(1, 20), st.integers(1, 12))
def test_a_class_has_the_probability_of_its_place_in_the_whole_ranking(seed: int, rows: int, outputs: int) -> None:
    probability = softmax(seed, rows, outputs)
    class_of = np.random.default_rng(seed).integers(-1, 8, outputs).astype(np.int32)
    classes, values = top_k(probability, class_of, outputs)
    asked = np.arange(rows, dtype=np.int32) % 8
    for row, (label, value) in enumerate(zip(asked, class_probability(probability, class_of, asked), strict=True)):
        expected = values[row][classes[row] == label]
        assert (np.isnan(value) and not len(expected)) or value == expected[0]


@given(st.integers(0, 1000), st.integers(1, 20), st.integers(2, 12))
def test_entropy_is_that_of_scipy(seed: int, rows: int, outputs: int) -> None:
    probability = softmax(seed, rows, outputs)
    np.testing.assert_allclose(entropy(probability), scipy_entropy(probability.astype(float), axis=1), atol=1e-6)


@pytest.mark.parametrize(("row", "expected"), [([0, 1, 0], 0.0), ([0.25] * 4, np.log(4))])
def test_entropy_at_its_ends(row: list[float], expected: float) -> None:
    assert entropy(np.array([row], np.float32))[0] == pytest.approx(expected, abs=1e-6)
