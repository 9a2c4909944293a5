"""How far models are from an image's label: the normalised margin, and where all of them agree on another class.

Source: Northcutt, Jiang, Chuang 2021, Confident learning, section 3.2 (normalised margin).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def normalised_margin(of_label: Floats, of_best_other: Floats) -> Floats:
    """Suspicion of a label, ``(N,) float64`` from 0 to 1: higher is more suspect.

    ``(1 - (p(label) - max p(other))) / 2``: 0 where models are sure of the label, 1 where they are sure of another
    class, one half where both are as probable.

    Args:
        of_label: ``(N,)`` probability of the label, the mean of the models.
        of_best_other: ``(N,)`` probability of the most probable other class, of that mean.

    Examples:
        >>> normalised_margin(np.array([1.0, 0.25, 0.0]), np.array([0.0, 0.25, 0.75])).tolist()
        [0.0, 0.5, 0.875]
    """
    return (1 - (of_label - of_best_other)) / 2


def common_answer(answers: Ints, labels: Ints) -> Ints:
    """The class that all models name in place of the label, ``(N,) int64``; -1: they do not agree on another.

    Args:
        answers: ``(M, N)`` top-1 of each of M models, -1: outside the vocabulary.
        labels: ``(N,)`` label of each image.

    Examples:
        >>> common_answer(np.array([[3, 5, 7, -1], [3, 5, 4, -1]]), labels=np.array([3, 2, 2, 2])).tolist()
        [-1, 5, -1, -1]
    """
    agreed = (answers == answers[0]).all(axis=0) & (answers[0] != labels)
    return np.where(agreed, answers[0], -1)
