"""The nearest neighbours of vectors by cosine, exactly and without an N x N matrix."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

BLOCK = 2048
"""Rows of a block: its products take 16 MiB against as many columns."""


def normalise(vectors: npt.NDArray[np.floating]) -> Floats:
    """Vectors of length one, ``(N, D) float32``; a vector of zeros stays one, and is near to nothing.

    Raises:
        ValueError: a value is not finite.
    """
    values = np.empty(vectors.shape, np.float32)
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK].astype(np.float64)
        length = np.sqrt(np.einsum("nd,nd->n", block, block))
        if not np.isfinite(length).all():
            raise ValueError(
                f"expected finite vectors, row {start + int(np.flatnonzero(~np.isfinite(length))[0])} is not"
            )
        values[start : start + BLOCK] = block / np.where(length > 0, length, 1)[:, None]
    return values


def nearest_neighbours(queries: Floats, base: Floats, k: int, own: int | None = None) -> tuple[Ints, Floats]:
    """The k nearest rows of ``base`` for each row of ``queries``, nearest first; of equals the lower index.

    Args:
        queries: ``(N, D)``, of length one (see `normalise`).
        base: ``(M, D)``, of length one.
        k: neighbours wanted; fewer where ``base`` has fewer rows.
        own: row of ``base`` that is query 0, where the queries are rows of it one after the other: none is its own
            neighbour. None: they are others.

    Returns:
        Indices ``(N, K) int64`` and cosines ``(N, K) float32``, from -1 to 1, higher is nearer.

    Examples:
        >>> vectors = normalise(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 2.0]]))
        >>> rows, cosines = nearest_neighbours(vectors, vectors, k=1, own=0)
        >>> rows.ravel().tolist(), cosines.ravel().tolist()
        ([1, 0, 0], [1.0, 1.0, 0.0])
    """
    k = max(0, min(k, len(base) - (own is not None)))
    rows, cosines = np.zeros((len(queries), k), np.int64), np.zeros((len(queries), k), np.float32)
    for start in range(0, len(queries) if k else 0, BLOCK):
        block = slice(start, min(start + BLOCK, len(queries)))
        first = None if own is None else own + start
        rows[block], cosines[block] = _of_block(queries[block], base, k, first)
    return rows, cosines


def _of_block(queries: Floats, base: Floats, k: int, own: int | None) -> tuple[Ints, Floats]:
    """Neighbours of one block: only products above the k-th best of their row so far are looked at again."""
    best = np.full((len(queries), k), -np.inf, np.float32)
    best_rows = np.zeros((len(queries), k), np.int64)
    for start in range(0, len(base), BLOCK):
        products = queries @ base[start : start + BLOCK].T
        if own is not None:
            same = np.arange(max(start, own), min(start + BLOCK, own + len(queries)))
            products[same - own, same - start] = -np.inf
        rows, columns = _above(products, best[:, -1:], k)
        _merge(best, best_rows, rows, products[rows, columns], columns + start)
    return best_rows, best


def _above(products: Floats, threshold: Floats, k: int) -> tuple[Ints, Ints]:
    """Rows, in order, and columns of products that may be among the k best: above the threshold of their row."""
    if np.isneginf(threshold).any():  # the first blocks: all are above
        columns = _largest(products, k)
        rows = np.repeat(np.arange(len(products)), columns.shape[1])
        keep = (np.take_along_axis(products, columns, axis=1) > threshold).ravel()
        return rows[keep], columns.ravel()[keep]
    return np.divmod(np.flatnonzero(products > threshold), products.shape[1])


def _merge(best: Floats, best_rows: Ints, rows: Ints, values: Floats, indices: Ints) -> None:
    """Put values into the best of their rows, in place; of equals the lower index stays."""
    if not len(rows):
        return
    k = best.shape[1]
    changed, counts = np.unique(rows, return_counts=True)
    owner = np.concatenate([np.repeat(changed, k), rows])
    values = np.concatenate([best[changed].ravel(), values])
    indices = np.concatenate([best_rows[changed].ravel(), indices])
    order = np.lexsort((indices, -values, owner))
    first = np.cumsum(counts + k) - (counts + k)
    kept = order[first[:, None] + np.arange(k)]
    best[changed], best_rows[changed] = values[kept], indices[kept]


def _largest(values: Floats, k: int) -> Ints:
    """Columns of the k largest of each row, in no order; of equals the first."""
    if k >= values.shape[1]:
        return np.tile(np.arange(values.shape[1]), (len(values), 1))
    columns = np.argpartition(-values, k - 1, axis=1)[:, :k]
    last = np.take_along_axis(values, columns, axis=1).min(axis=1, keepdims=True)
    tied = np.flatnonzero((values >= last).sum(axis=1) > k)
    columns[tied] = np.argsort(-values[tied], axis=1, kind="stable")[:, :k]
    return columns
