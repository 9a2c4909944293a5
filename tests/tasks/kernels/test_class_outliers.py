"""Classes of vectors: poison is found in those that hold some, and clean classes are not accused."""

from __future__ import annotations

import numpy as np
import pytest

from reground.tasks.kernels.class_outliers import ClassOutliers, accused, class_outliers
from reground.tasks.kernels.quantum_entropy import quantum_entropy_scores, robust_whitening

EPS = 0.05


def clean(rng: np.random.Generator, tails: bool = False) -> np.ndarray:
    """One class: its own size, directions and variances, which fall as those of features do."""
    n, d = int(rng.integers(30, 200)), 48
    vectors = rng.normal(size=(n, d))
    if tails:
        vectors /= np.sqrt(rng.chisquare(8, size=(n, 1)) / 8)
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    return vectors * np.exp(-np.arange(d) / rng.uniform(5, 20)) @ turn + rng.normal(size=d)


def poisoned(rng: np.random.Generator, share: float = EPS) -> tuple[np.ndarray, int]:
    """A class whose last rows are poison: a cluster apart in directions of small variance."""
    vectors = clean(rng)
    count = max(2, round(share * len(vectors)))
    centred = vectors - vectors.mean(axis=0)
    directions = np.linalg.svd(centred)[2][4:8]
    spread = centred.std(axis=0).mean()
    vectors[-count:] += rng.normal(size=4) @ directions / 2 * spread * 12
    return vectors, count


@pytest.mark.parametrize("tails", [False, True])
def test_clean_classes_are_not_accused(tails: bool) -> None:
    rng = np.random.default_rng(0)
    statistics = np.array([class_outliers(clean(rng, tails), EPS).statistic for _ in range(100)])
    total = false = 0
    for seed in range(200):
        guilty, _ = accused(np.random.default_rng(seed).choice(statistics, 12, replace=False))
        total, false = total + len(guilty), false + int(guilty.sum())
    assert false / total <= 0.05


def test_poisoned_classes_are_accused_and_their_poison_comes_first() -> None:
    hits = found = planted = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        vectors, count = poisoned(rng)
        scores = class_outliers(vectors, EPS)
        others = [class_outliers(clean(rng), EPS).statistic for _ in range(12)]
        hits += bool(accused([*others, scores.statistic])[0][-1])
        removed = scores.order(accused=True)[: -(-3 * count // 2)]
        found, planted = found + int((removed >= len(vectors) - count).sum()), planted + count
    assert hits >= 8
    assert found / planted >= 0.9


def test_rotation_scale_and_shift_change_nothing() -> None:
    rng = np.random.default_rng(3)
    vectors = clean(rng)
    turn = np.linalg.qr(rng.normal(size=(vectors.shape[1],) * 2))[0]
    a, b = class_outliers(vectors, EPS), class_outliers(vectors @ turn * 5 - 2, EPS)
    assert a.k == b.k
    assert np.allclose(a.que, b.que, rtol=1e-4) and np.allclose(a.statistic, b.statistic, atol=1e-3)


def test_scores_are_those_of_the_parts() -> None:
    vectors = clean(np.random.default_rng(4))
    scores = class_outliers(vectors, EPS)
    left, values, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    whitened = robust_whitening(left[:, : scores.k] * values[: scores.k], EPS)
    assert np.allclose(scores.que, quantum_entropy_scores(whitened))
    assert np.allclose(scores.distance, np.square(whitened).sum(axis=1))
    assert np.allclose(scores.eigenvalue_ratio, (values[0] / values[1]) ** 2)


def test_the_order_is_by_the_better_rank() -> None:
    que, distance = np.array([3.0, 2, 1, 0]), np.array([1.0, 0, 2, 3])
    scores = ClassOutliers(que, distance, np.array([0.1, 0.3, 0.3, 0.2]), que, 1, 1.0, 0.0)
    assert scores.order(accused=True).tolist() == [0, 3, 2, 1]  # ranks (0, 2), (3, 0), (2, 1), (1, 3)
    assert scores.order(accused=False).tolist() == [1, 2, 3, 0]


def test_isolation_is_the_mean_distance_to_the_nearest_of_the_class() -> None:
    vectors = clean(np.random.default_rng(5))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = [np.sort(1 - np.delete(unit @ one, row))[:5].mean() for row, one in enumerate(unit)]
    np.testing.assert_allclose(class_outliers(vectors, EPS).isolation, expected, atol=1e-6)


def test_foreign_vectors_of_a_wide_class_come_first() -> None:
    """A class of several kinds, as breeds, spreads wider than a few foreign vectors that are like nothing in it."""
    auroc = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        kinds = rng.normal(size=(6, 48)) * 3
        own = np.repeat(kinds, 9, axis=0) + rng.normal(size=(54, 48))
        foreign = rng.normal(size=(6, 48)) * 2
        scores = class_outliers(np.concatenate([own, foreign]), EPS)
        order = scores.order(accused=False)
        place = np.empty(len(order))
        place[order] = np.arange(len(order))
        auroc.append((place[54:, None] < place[None, :54]).mean())
    assert np.mean(auroc) > 0.9


def test_constant_vectors_have_scores() -> None:
    scores = class_outliers(np.ones((40, 6)), EPS)
    assert np.isfinite(scores.que).all() and np.isfinite(scores.statistic)


def test_too_few_vectors_are_an_error() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        class_outliers(np.ones((1, 4)), EPS)


def test_nothing_is_accused_among_nothing() -> None:
    assert accused([])[0].tolist() == []
    assert not accused([1.0, 1.0, 1.0])[0].any()
