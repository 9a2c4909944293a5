"""What the probabilities of all outputs say beside the most probable classes: of one class, and how spread they are.

Source: Shannon 1948, A mathematical theory of communication (entropy).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]


def class_probability(probability: Floats, class_of: Ints, classes: Ints) -> Floats:
    """Probability of one class for each row, ``(N,) float32``; NaN: no output means the class.

    Of several outputs that mean one class the most probable stands for it, as in `reground.tasks.kernels.topk.top_k`.

    Args:
        probability: ``(N, C) float32``, finite.
        class_of: ``(C,) int32``, the class of each output, -1: outside the vocabulary.
        classes: ``(N,) int32``, the class asked about, at least 0.

    Examples:
        >>> probability = np.array([[0.125, 0.5, 0.375]] * 3, np.float32)
        >>> class_probability(probability, np.array([7, 2, 2], np.int32), np.array([7, 2, 5], np.int32)).tolist()
        [0.125, 0.5, nan]
    """
    values = np.full(len(classes), np.nan, np.float32)
    for class_idx in np.unique(classes).tolist():
        outputs = np.flatnonzero(class_of == class_idx)
        if len(outputs):
            rows = np.flatnonzero(classes == class_idx)
            values[rows] = probability[np.ix_(rows, outputs)].max(axis=1)
    return values


def entropy(probability: Floats) -> Floats:
    """Entropy of each row in nats, ``(N,) float32``; from 0, sure of one output, to ln C, all as probable.

    Args:
        probability: ``(N, C) float32``, finite, rows sum to 1; an output of probability 0 adds nothing.

    Examples:
        >>> entropy(np.array([[1.0, 0.0], [0.5, 0.5]], np.float32)).round(4).tolist()
        [0.0, 0.6930999755859375]
    """
    values = probability.astype(np.float64)
    return (-(values * np.log(np.where(values > 0, values, 1))).sum(axis=1)).clip(0).astype(np.float32)
