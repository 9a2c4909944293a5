"""Vectors that lie on the line between two others, among their nearest neighbours.

Source: Carlini 2021, Poisoning the unlabeled dataset of semi-supervised learning (arXiv 2105.01622), section 3: the
attack inserts blends ``(1 - a) x + a y`` of two pictures. The check for them is this project's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from reground.tasks.kernels.nearest_neighbours import nearest_neighbours

Vectors = npt.NDArray[np.floating]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEIGHBOURS: Final = 20
"""Nearest vectors of which each pair is a candidate for the ends."""
LEAST_SHARE: Final = 0.02
"""Share of the way from the nearer end from which on a vector is between the two."""
ANGLE: Final = 2.0
"""A vector is between two ends if it is this much farther along the line from both than it is off it: a near copy of
one end is about as far off as along."""
BLOCK: Final = 2048
"""Vectors at once."""


@dataclass(frozen=True)
class Between:
    """Where N vectors lie between two of their neighbours.

    Attributes:
        residual: ``(N,)``, distance from the line over the distance of its ends; lower is more suspect; infinite: the
            vector lies between no two neighbours.
        ends: ``(N, 2)`` rows of the two; -1: there are none.
        share: ``(N,)`` of the way from the first end to the second, 0 to 1; NaN: there are none.
    """

    residual: Floats
    ends: Ints
    share: Floats


def between_neighbours(vectors: Vectors, k: int = NEIGHBOURS) -> Between:
    """The pair of the k nearest neighbours, by Euclidean distance, on whose connection each vector lies most closely.

    Args:
        vectors: ``(N, D)``, finite.
        k: neighbours.

    Examples:
        The second lies half way between the first and the third.

        >>> line = between_neighbours(np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [9.0, 9.0]]), k=3)
        >>> line.residual[1].tolist(), line.ends[1].tolist(), line.share[1].tolist()
        (0.0, [0, 2], 0.5)
    """
    count = len(vectors)
    result = Between(np.full(count, np.inf), np.full((count, 2), -1, np.int64), np.full(count, np.nan))
    if count < 3:
        return result
    centred = np.asarray(vectors - vectors.mean(axis=0), np.float32)
    # The nearest by distance are those of the largest u.v - |v|^2 / 2.
    half = np.einsum("nd,nd->n", centred, centred)[:, None] / 2
    base = np.concatenate([centred, -half], axis=1)
    first, second = np.triu_indices(min(k, count - 1), 1)
    for start in range(0, count, BLOCK):
        block = slice(start, min(start + BLOCK, count))
        queries = base[block].copy()
        queries[:, -1] = 1
        near, _ = nearest_neighbours(queries, base, k, own=start)
        residual, share = _on_lines(centred, block, near, first, second)
        best = residual.argmin(axis=1)
        rows = np.arange(len(near))
        least = residual[rows, best]
        exists = np.isfinite(least)
        result.residual[block] = least
        ends = np.stack([near[rows, first[best]], near[rows, second[best]]], axis=1)
        result.ends[block] = np.where(exists[:, None], ends, -1)
        result.share[block] = np.where(exists, share[rows, best], np.nan)
    return result


def _on_lines(vectors: Vectors, block: slice, near: Ints, first: Ints, second: Ints) -> tuple[Floats, Floats]:
    """Residual, infinite where the vector is not between the two, and share of each pair, ``(B, P)`` each."""
    residual, share = (np.empty((len(near), len(first))) for _ in range(2))
    for row, (own, others) in enumerate(zip(vectors[block], near, strict=True)):
        steps = (vectors[others] - own).astype(np.float64)
        products = steps @ steps.T
        squares = np.diag(products)
        length = squares[first] + squares[second] - 2 * products[first, second]
        safe = np.maximum(length, 1e-12)
        share[row] = (squares[first] - products[first, second]) / safe
        off = np.sqrt(np.maximum(squares[first] / safe - np.square(share[row]), 0))
        nearer = np.minimum(share[row], 1 - share[row])
        between = (length > 1e-12) & (nearer > LEAST_SHARE) & (nearer > ANGLE * off)
        residual[row] = np.where(between, off, np.inf)
    return residual, share


def outer_ends(line: Between, vectors: Vectors, member: npt.NDArray[np.bool_]) -> Ints:
    """The ends of the chains that members lie on, ``(N, 2)``: of each, its two neighbours or what lies beyond them.

    While an end is itself a member, the neighbour of it that lies farther out is the end in its place.

    Args:
        line: see `between_neighbours`.
        vectors: ``(N, D)``, the same.
        member: ``(N,)``, the vectors that are taken to lie on a line.
    """
    ends = line.ends.copy()
    for row in np.flatnonzero(member).tolist():
        for side in (0, 1):
            inner, outer = int(ends[row, 1 - side]), int(ends[row, side])
            origin = vectors[inner].astype(np.float64)
            for _ in range(len(vectors)):
                if not member[outer]:
                    break
                direction = vectors[outer] - origin
                beyond = max(line.ends[outer].tolist(), key=lambda one: float((vectors[one] - origin) @ direction))
                if (vectors[beyond] - origin) @ direction <= direction @ direction:
                    break
                outer = beyond
            ends[row, side] = outer
    return ends
