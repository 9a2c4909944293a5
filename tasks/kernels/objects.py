"""Which labels name the same object: max-k-cut of the graph of labels chosen together.

Source: Tsipras et al. 2020, section on CLASSIFY: labels that one person chose together name
different objects, labels that nobody chose together are names of one object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt


def co_selections(selections: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """How many people chose both labels of each pair.

    Args:
        selections: ``(people, L) bool``.

    Returns:
        ``(L, L) int64``, symmetric, zero on the diagonal.

    Examples:
        >>> co_selections(np.array([[True, True, False], [True, True, False], [False, True, True]])).tolist()
        [[0, 2, 0], [2, 0, 1], [0, 1, 0]]
    """
    counts = selections.astype(np.int64)
    weights = counts.T @ counts
    np.fill_diagonal(weights, 0)
    return weights


def max_k_cut(weights: npt.NDArray[np.int64], k: int) -> list[int]:
    """The partition into at most k groups that cuts the most weight, exactly.

    Tries every partition (for 10 labels and k = 5 some 50,000), so keep L small.

    Args:
        weights: ``(L, L) int64``, symmetric.
        k: groups, at least 1.

    Returns:
        The group of each of the L labels; groups are numbered in the order they first occur,
        and the first of several best partitions in that order is taken.

    Examples:
        >>> weights = np.array([[0, 2, 0], [2, 0, 1], [0, 1, 0]])  # 0 and 2 were never chosen together
        >>> max_k_cut(weights, k=2)
        [0, 1, 0]
    """
    best: list[int] = [0] * len(weights)
    best_weight = -1
    for groups in _partitions(len(weights), k):
        weight = cut_weight(weights, groups)
        if weight > best_weight:
            best, best_weight = groups, weight
    return best


def cut_weight(weights: npt.NDArray[np.int64], groups: Sequence[int]) -> int:
    """The weight between labels of different groups.

    Examples:
        >>> cut_weight(np.array([[0, 2, 0], [2, 0, 1], [0, 1, 0]]), [0, 1, 0])
        3
    """
    group = np.asarray(groups)
    return int(weights[group[:, None] != group[None, :]].sum()) // 2


def _partitions(n: int, k: int) -> Iterator[list[int]]:
    """Restricted growth strings: every partition of n items into at most k groups, once."""

    def extend(head: list[int], count: int) -> Iterator[list[int]]:
        if len(head) == n:
            yield head
            return
        for group in range(min(count + 1, k)):
            yield from extend([*head, group], max(count, group + 1))

    return extend([], 0)
