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
    values = np.asarray(vectors, np.float32)
    length = np.sqrt(np.einsum("nd,nd->n", values, values, dtype=np.float64))
    if not np.isfinite(length).all():
        raise ValueError(f"expected finite vectors, row {int(np.flatnonzero(~np.isfinite(length))[0])} is not")
    return (values / np.where(length > 0, length, 1)[:, None]).astype(np.float32)


def nearest_neighbours(queries: Floats, base: Floats, k: int, exclude_self: bool = False) -> tuple[Ints, Floats]:
    """The k nearest rows of ``base`` for each row of ``queries``, nearest first; of equals the lower index.

    Args:
        queries: ``(N, D)``, of length one (see `normalise`).
        base: ``(M, D)``, of length one.
        k: neighbours wanted; fewer where ``base`` has fewer rows.
        exclude_self: leave out row i of ``base`` for query i, where both are the same vectors.

    Returns:
        Indices ``(N, K) int64`` and cosines ``(N, K) float32``, from -1 to 1, higher is nearer.

    Examples:
        >>> vectors = normalise(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 2.0]]))
        >>> rows, cosines = nearest_neighbours(vectors, vectors, k=1, exclude_self=True)
        >>> rows.ravel().tolist(), cosines.ravel().tolist()
        ([1, 0, 0], [1.0, 1.0, 0.0])
    """
    k = max(0, min(k, len(base) - exclude_self))
    rows, cosines = np.zeros((len(queries), k), np.int64), np.zeros((len(queries), k), np.float32)
    for start in range(0, len(queries), BLOCK):
        stop = min(start + BLOCK, len(queries))
        rows[start:stop], cosines[start:stop] = _of_block(queries, base, slice(start, stop), k, exclude_self)
    return rows, cosines


def _of_block(queries: Floats, base: Floats, block: slice, k: int, exclude_self: bool) -> tuple[Ints, Floats]:
    """Neighbours of one block: the best of each block of the base, merged."""
    size = block.stop - block.start
    best_rows, best = np.zeros((size, 0), np.int64), np.zeros((size, 0), np.float32)
    for start in range(0, len(base), BLOCK):
        products = queries[block] @ base[start : start + BLOCK].T
        if exclude_self and start < block.stop and block.start < start + BLOCK:
            own = np.arange(max(start, block.start), min(start + BLOCK, block.stop))
            products[own - block.start, own - start] = -np.inf
        columns = _largest(products, k)
        best = np.concatenate([best, np.take_along_axis(products, columns, axis=1)], axis=1)
        best_rows = np.concatenate([best_rows, columns + start], axis=1)
        order = np.lexsort((best_rows, -best))[:, :k]
        best, best_rows = np.take_along_axis(best, order, axis=1), np.take_along_axis(best_rows, order, axis=1)
    return best_rows, best


def _largest(values: Floats, k: int) -> Ints:
    """Columns of the k largest of each row, in no order; of equals the first."""
    if k >= values.shape[1]:
        return np.tile(np.arange(values.shape[1]), (len(values), 1))
    if not k:
        return np.zeros((len(values), 0), np.int64)
    columns = np.argpartition(-values, k - 1, axis=1)[:, :k]
    last = np.take_along_axis(values, columns, axis=1).min(axis=1, keepdims=True)
    tied = np.flatnonzero((values >= last).sum(axis=1) > k)
    columns[tied] = np.argsort(-values[tied], axis=1, kind="stable")[:, :k]
    return columns
