"""QUE against a loop and its limits; whitening against rotation, scale and planted outliers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.kernels.quantum_entropy import principal_components, quantum_entropy_scores, robust_whitening


def by_loop(vectors: np.ndarray, alpha: float) -> np.ndarray:
    """The formula as written, by the power series of the exponential."""
    mean = vectors.mean(axis=0)
    covariance = sum(np.outer(x - mean, x - mean) for x in vectors) / len(vectors)
    scaled = alpha * covariance / np.linalg.eigvalsh(covariance)[-1]
    exponential = sum(np.linalg.matrix_power(scaled, n) / math.factorial(n) for n in range(60))
    weights = exponential / np.trace(exponential)
    return np.array([(x - mean) @ weights @ (x - mean) for x in vectors])


@given(st.integers(0, 2**32 - 1), st.integers(3, 20), st.integers(1, 4), st.sampled_from([0.0, 1.0, 4.0]))
def test_the_formula(seed: int, n: int, d: int, alpha: float) -> None:
    vectors = np.random.default_rng(seed).normal(size=(n, d))
    assert np.allclose(quantum_entropy_scores(vectors, alpha), by_loop(vectors, alpha), atol=1e-9)


def test_its_limits_are_the_norm_and_the_spectral_signature() -> None:
    vectors = np.random.default_rng(1).normal(size=(30, 4)) * [3, 2, 1, 0.5]
    centred = vectors - vectors.mean(axis=0)
    direction = np.linalg.svd(centred)[2][0]
    assert np.allclose(quantum_entropy_scores(vectors, 0), np.square(centred).sum(axis=1) / 4)
    assert np.allclose(quantum_entropy_scores(vectors, math.inf), np.square(centred @ direction))
    assert np.allclose(quantum_entropy_scores(vectors, 1e6), np.square(centred @ direction))


def scores(vectors: np.ndarray) -> np.ndarray:
    return quantum_entropy_scores(robust_whitening(vectors, 0.05))


def test_rotation_and_scale_change_nothing() -> None:
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(80, 5))
    turned = vectors @ np.linalg.qr(rng.normal(size=(5, 5)))[0] * 7 + 3
    assert np.allclose(scores(vectors), scores(turned), rtol=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_whitening_finds_a_cluster_that_the_groups_own_spread_hides(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bulk = rng.normal(size=(190, 6)) * [20, 1, 1, 1, 1, 1]
    poison = rng.normal(size=(10, 6)) * [20, 0.3, 1, 1, 1, 1] + [0, 8, 0, 0, 0, 0]
    vectors = np.concatenate([bulk, poison])
    found = set(np.argsort(-scores(vectors))[:10])
    plain = set(np.argsort(-quantum_entropy_scores(vectors))[:10])
    assert len(found & set(range(190, 200))) >= 9
    assert len(plain & set(range(190, 200))) <= 3  # the mutation: without whitening it is not seen


def test_components_keep_distances() -> None:
    vectors = np.random.default_rng(3).normal(size=(12, 40))
    small = principal_components(vectors, 40)
    assert small.shape == (12, 11)
    distances = [np.linalg.norm(x[:, None] - x[None], axis=2) for x in (vectors, small)]
    assert np.allclose(*distances)


def test_a_constant_feature_is_no_division_by_zero() -> None:
    vectors = np.random.default_rng(4).normal(size=(40, 3))
    vectors[:, 1] = 5
    assert np.isfinite(scores(vectors)).all()
