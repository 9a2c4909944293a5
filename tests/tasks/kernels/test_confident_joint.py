"""Confident learning against a plain loop, and against planted label errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.kernels.confident_joint import confident_joint, prune_by_noise_rate


def world(seed: int, n: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.full(classes, 0.5), n)
    labels = np.array([rng.choice(classes, p=row) for row in probability])
    labels[:classes] = np.arange(classes)
    return probability, labels


def joint_by_loop(probability: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """As the paper's algorithm 1 has it, with the fallback of a class without a confident image."""
    classes = probability.shape[1]
    threshold = [probability[labels == k, k].mean() for k in range(classes)]
    joint = np.zeros((classes, classes), int)
    for row, label in zip(probability, labels, strict=True):
        over = [k for k in range(classes) if row[k] >= threshold[k] - 1e-6]
        if over:
            joint[label, max(over, key=lambda k: row[k])] += 1
    for k in range(classes):
        if not joint[k].sum():
            joint[k, k] = (labels == k).sum()
    return joint


@given(st.integers(0, 2**32 - 1), st.integers(10, 80), st.integers(2, 6))
def test_the_joint_is_that_of_a_loop(seed: int, n: int, classes: int) -> None:
    probability, labels = world(seed, n, classes)
    assert np.array_equal(confident_joint(probability, labels), joint_by_loop(probability, labels))


@pytest.mark.parametrize("seed", range(5))
def test_flipped_labels_are_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(4), 50)
    probability = np.full((200, 4), 0.05)
    probability[np.arange(200), truth] = 0.85
    probability = (probability + rng.uniform(0, 0.02, probability.shape)) / 1.04
    labels, flipped = truth.copy(), rng.choice(200, 10, replace=False)
    labels[flipped] = (truth[flipped] + rng.integers(1, 4, 10)) % 4
    found = set(np.flatnonzero(prune_by_noise_rate(probability, labels)).tolist())
    assert found <= set(flipped.tolist()) and len(found) >= 9  # the calibrated counts are rounded


def test_labels_that_models_confirm_are_not_flagged() -> None:
    truth = np.repeat(np.arange(3), 20)
    assert not prune_by_noise_rate(np.eye(3)[truth], truth).any()


def test_a_class_without_an_image_is_no_error() -> None:
    probability = np.array([[0.9, 0.05, 0.05], [0.1, 0.85, 0.05]])
    assert confident_joint(probability, np.array([0, 1])).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
