"""The most probable classes in another vocabulary than the network's: rank, then map.

Source: MadryLab/backgrounds_challenge, which maps the argmax over all 1,000 outputs and counts
what lies outside as wrong; probabilities are neither summed nor renormalised.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def top_k(
    probability: npt.NDArray[np.float32], class_of: npt.NDArray[np.int32], k: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """The k most probable distinct classes of each row.

    All outputs are ranked (of equals the first comes first), each is mapped to its class, and a
    class met before is skipped; -1, outside the vocabulary, may come again and again.

    Args:
        probability: ``(N, C) float32``, finite.
        class_of: ``(C,) int32``, the class of each output, -1: outside.
        k: entries wanted, at least 1.

    Returns:
        Classes ``(N, K) int32`` and their probabilities ``(N, K) float32``, best first. K is k, or
        less where the outputs do not name k distinct classes.

    Examples:
        >>> probability = np.array([[0.125, 0.5, 0.375]], np.float32)
        >>> classes, values = top_k(probability, class_of=np.array([7, 2, 2], np.int32), k=2)
        >>> classes.tolist(), values.tolist()
        ([[2, 7]], [[0.5, 0.125]])
    """
    order = np.argsort(-probability, axis=1, kind="stable")
    classes = class_of[order]
    by_class = np.argsort(classes, axis=1, kind="stable")
    sorted_classes = np.take_along_axis(classes, by_class, axis=1)
    is_repeat = np.zeros(classes.shape, np.bool_)
    is_repeat[:, 1:] = (sorted_classes[:, 1:] == sorted_classes[:, :-1]) & (sorted_classes[:, 1:] != -1)
    repeat = np.zeros(classes.shape, np.bool_)
    np.put_along_axis(repeat, by_class, is_repeat, axis=1)
    distinct = len(np.unique(class_of[class_of != -1])) + int((class_of == -1).sum())
    first = np.argsort(repeat, axis=1, kind="stable")[:, : min(k, distinct)]
    rows = np.take_along_axis(order, first, axis=1)
    return np.take_along_axis(classes, first, axis=1), np.take_along_axis(probability, rows, axis=1)
