"""How far pixels are from others along the cheapest path through the colours of an image.

Source: geodesic distance; Bai, Sapiro 2007 (https://doi.org/10.1109/ICCV.2007.4408931), as a cue for
foreground in Wei et al. 2012 (https://doi.org/10.1007/978-3-642-33712-3_3). Exact, by Dijkstra's algorithm.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse  # pyright: ignore[reportMissingTypeStubs]
from scipy.sparse import csgraph  # pyright: ignore[reportMissingTypeStubs]

Floats = npt.NDArray[np.float64]
NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Rows down and columns right to half of a pixel's eight neighbours; paths go both ways."""


def geodesic_distance(colours: npt.NDArray[np.float32], source: npt.NDArray[np.bool_], step: float) -> Floats:
    """Length of the cheapest path from any pixel of the source; a move costs its change of colour and its length.

    Args:
        colours: ``(H, W, C)``.
        source: ``(H, W)``.
        step: cost of a move by one pixel where the colour stays the same, above 0, in units of ``colours``.

    Returns:
        ``(H, W) float64`` in units of ``colours``; 0 in the source, infinite without one.

    Examples:
        >>> row = np.array([[[0.0], [0.0], [7.0]]], np.float32)
        >>> geodesic_distance(row, np.array([[True, False, False]]), step=1.0)
        array([[0., 1., 9.]])
    """
    if not source.any():
        return np.full(source.shape, np.inf)
    numbers = np.arange(source.size, dtype=np.int32).reshape(source.shape)
    starts: list[npt.NDArray[np.int32]] = []
    ends: list[npt.NDArray[np.int32]] = []
    costs: list[npt.NDArray[np.floating]] = []
    for rows, columns in NEIGHBOURS:
        first, second = _pairs(source.shape, rows, columns)
        starts.append(numbers[first].ravel())
        ends.append(numbers[second].ravel())
        change = np.sqrt(np.square(colours[first] - colours[second]).sum(axis=-1, dtype=np.float64))
        costs.append(change.ravel() + step * float(np.hypot(rows, columns)))
    edges = np.concatenate(costs), (np.concatenate(starts), np.concatenate(ends))
    graph = sparse.csr_matrix(edges, shape=(source.size, source.size))
    sources = np.flatnonzero(source)
    distances = csgraph.dijkstra(graph, directed=False, indices=sources, min_only=True)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return np.asarray(distances, np.float64).reshape(source.shape)


def _pairs(shape: tuple[int, ...], rows: int, columns: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where the pixels that have such a neighbour are, and where their neighbours."""
    height, width = shape
    first = slice(0, height - rows), slice(max(0, -columns), width - max(0, columns))
    second = slice(rows, height), slice(max(0, columns), width - max(0, -columns))
    return first, second
