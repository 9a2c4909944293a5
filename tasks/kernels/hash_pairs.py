"""All pairs of hashes that differ in few bits, exactly and without an N x N matrix.

Hashes are cut into bands. Of two hashes that differ in few bits, one band at least differs in very few: it is enough to
look up every value of each band that is that near.

Source: Norouzi, Punjani, Fleet 2012, Fast search in Hamming space with multi-index hashing (proposition 1).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

BANDS: Final = 4
"""Of 16 bits each."""
BITS: Final = 16
FEW: Final = 1 << 20
"""Pairs that are sooner compared than looked up."""
MAX_CANDIDATES: Final = 1 << 20
"""Pairs that are compared at once, unless one hash alone has more."""


def pairs_within(queries: Hashes, base: Hashes, radius: int) -> Iterator[tuple[Ints, Ints, Ints]]:
    """All pairs of a query and a hash of the base that differ in at most ``radius`` bits, each pair once.

    Args:
        queries: ``(N,)``.
        base: ``(M,)``.
        radius: bits, 0 to 64.

    Yields:
        Rows of ``queries``, rows of ``base`` and their distances in bits, each ``(P,)``, in no order.

    Examples:
        >>> hashes = np.array([0b1011, 0b0011, 0xFFFF], np.uint64)
        >>> [list(zip(*map(np.ndarray.tolist, block))) for block in pairs_within(hashes[:1], hashes, 1)]
        [[(0, 0, 0), (0, 1, 1)]]
    """
    if not len(queries) or not len(base):
        return
    if len(queries) * len(base) <= FEW:
        distance = np.bitwise_count(queries[:, None] ^ base[None])
        rows, columns = np.divmod(np.flatnonzero(distance <= radius), len(base))
        if len(rows):
            yield rows, columns, distance[rows, columns].astype(np.int64)
        return
    radii = _band_radii(radius)
    for band, band_radius in enumerate(radii):
        if band_radius >= 0:
            for rows, columns in _in_band(_band(queries, band), _band(base, band), band_radius):
                differing = queries[rows] ^ base[columns]
                distance = np.bitwise_count(differing).astype(np.int64)
                keep = np.flatnonzero(distance <= radius)
                for earlier in range(band):  # those that an earlier band has yielded
                    keep = keep[np.bitwise_count(_band(differing[keep], earlier)).astype(np.int64) > radii[earlier]]
                if len(keep):
                    yield rows[keep], columns[keep], distance[keep]


def _band_radii(radius: int) -> list[int]:
    """Bits in which each band may differ; two hashes within ``radius`` agree so far in one of them. -1: not needed."""
    each, more = divmod(radius, BANDS)
    return [each if band <= more else each - 1 for band in range(BANDS)]


def _band(hashes: Hashes, band: int) -> npt.NDArray[np.uint16]:
    return (hashes >> np.uint64(BITS * band)).astype(np.uint16)


def _in_band(queries: npt.NDArray[np.uint16], base: npt.NDArray[np.uint16], radius: int) -> Iterator[tuple[Ints, Ints]]:
    """Pairs whose band differs in at most ``radius`` bits."""
    order = np.argsort(base, kind="stable")
    sizes = np.bincount(base, minlength=2**BITS)
    starts = np.cumsum(sizes) - sizes
    masks = _masks(min(radius, BITS))
    # Queries of one value have the same neighbours; equal ones lie side by side in memory.
    by_value = np.argsort(queries, kind="stable")
    rows_at_once = max(1, MAX_CANDIDATES // len(masks))
    for start in range(0, len(queries), rows_at_once):
        rows = by_value[start : start + rows_at_once]
        values = queries[rows][:, None] ^ masks
        ends = np.cumsum(sizes[values].sum(axis=1))
        for part in _cuts(ends):
            yield _expand(rows[part], starts[values[part]], sizes[values[part]], order)


def _cuts(ends: Ints) -> Iterator[slice]:
    """Parts with at most `MAX_CANDIDATES` pairs each, or one row."""
    start = done = 0
    while start < len(ends):
        stop = max(start + 1, int(np.searchsorted(ends, done + MAX_CANDIDATES, side="right")))
        if ends[stop - 1] > done:
            yield slice(start, stop)
        start, done = stop, int(ends[stop - 1])


def _expand(rows: Ints, starts: Ints, sizes: Ints, order: Ints) -> tuple[Ints, Ints]:
    """Each row with each hash in its ranges of the order, ``starts`` to ``starts + sizes``."""
    flat = sizes.ravel()
    shift = np.repeat(starts.ravel() - (np.cumsum(flat) - flat), flat)
    return np.repeat(rows, sizes.sum(axis=1)), order[np.arange(len(shift)) + shift]


def _masks(radius: int) -> npt.NDArray[np.uint16]:
    """All values with at most ``radius`` bits set."""
    sets = itertools.chain.from_iterable(itertools.combinations(range(BITS), count) for count in range(radius + 1))
    return np.array([sum(1 << bit for bit in bits) for bits in sets], np.uint16)
