"""Confident learning: how many images of each label belong to each other class, and which ones they are.

Source: Northcutt, Jiang, Chuang 2021, sections 3.1 and 3.2 (confident joint, calibration, prune by noise rate).
Probabilities must be out of sample: a model that has seen a wrong label repeats it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def thresholds(probability: Floats, labels: Ints) -> Floats:
    """Mean probability of each class on the images labelled so, ``(C,) float64``; 1 for a class without an image.

    Args:
        probability: ``(N, C)``, rows sum to 1.
        labels: ``(N,)`` from 0 to C - 1.
    """
    classes = probability.shape[1]
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, weights=probability[np.arange(len(labels)), labels], minlength=classes)
    return np.where(counts > 0, sums / np.maximum(counts, 1), 1.0)


def confident_classes(probability: Floats, labels: Ints) -> Ints:
    """The class that each image confidently belongs to, ``(N,) int64``; -1: none.

    The most probable of the classes whose threshold the image reaches; of equals the first.

    Args:
        probability: ``(N, C)``, rows sum to 1.
        labels: ``(N,)`` from 0 to C - 1.
    """
    reached = probability >= thresholds(probability, labels) - 1e-6
    best = np.where(reached, probability, -1).argmax(axis=1)
    return np.where(reached.any(axis=1), best, -1)


def confident_joint(probability: Floats, labels: Ints) -> Ints:
    """Counts ``(C, C) int64``: entry (i, j) counts the images labelled i that confidently belong to j.

    Args:
        probability: ``(N, C)``, rows sum to 1.
        labels: ``(N,)`` from 0 to C - 1.

    Examples:
        One image labelled 0 looks like class 1.

        >>> probability = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8]])
        >>> confident_joint(probability, np.array([0, 0, 0, 1])).tolist()
        [[2, 1], [0, 1]]
    """
    classes = probability.shape[1]
    confident = confident_classes(probability, labels)
    cells = labels[confident >= 0] * classes + confident[confident >= 0]
    joint = np.bincount(cells, minlength=classes * classes).reshape(classes, classes)
    # A class of which no image is confident still has its images.
    empty = np.diag(joint.sum(axis=1) == 0)
    return joint + np.where(empty, np.bincount(labels, minlength=classes)[:, None], 0)


def calibrated_joint(joint: Ints, label_counts: Ints) -> Floats:
    """The joint with rows that sum to the number of images of each label, ``(C, C) float64``.

    Args:
        joint: ``(C, C)``, see `confident_joint`.
        label_counts: ``(C,)`` images of each label.
    """
    return joint / np.maximum(joint.sum(axis=1, keepdims=True), 1) * label_counts[:, None]


def prune_by_noise_rate(probability: Floats, labels: Ints) -> Bools:
    """The images whose labels confident learning calls wrong, ``(N,) bool``.

    For each pair of a label i and another class j, as many images labelled i as the calibrated joint counts
    there, rounded: those with the largest p(j) - p(i).

    Args:
        probability: ``(N, C)``, rows sum to 1.
        labels: ``(N,)`` from 0 to C - 1.

    Examples:
        >>> probability = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8]])
        >>> prune_by_noise_rate(probability, np.array([0, 0, 0, 1])).tolist()
        [False, False, True, False]
    """
    classes = probability.shape[1]
    joint = calibrated_joint(confident_joint(probability, labels), np.bincount(labels, minlength=classes))
    numbers = np.rint(joint).astype(np.int64)
    flagged = np.zeros(len(labels), np.bool_)
    for label, other in zip(*np.nonzero(numbers * ~np.eye(classes, dtype=np.bool_)), strict=True):
        images = np.flatnonzero(labels == label)
        margin = probability[images, other] - probability[images, label]
        flagged[images[np.argsort(-margin, kind="stable")[: numbers[label, other]]]] = True
    return flagged
