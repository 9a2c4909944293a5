"""Pairs of pictures that are one: candidates by hash or features, confirmed on their thumbnails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from reground.tasks.kernels.hash_pairs import pairs_within
from reground.tasks.kernels.picture_match import Likeness, likeness
from reground.tasks.suspects.pictures import Grey, Hashes, Pictures

Ints = npt.NDArray[np.int64]

RADIUS: Final = 10
"""Bits of 64 in which the hashes of copies differ at most."""
ENOUGH: Final = 0.95
"""Correlation of thumbnails from which on two pictures are one."""
MAX_CANDIDATES: Final = 10
"""Of one picture by hash, the nearest first: a set of look-alikes takes no more memory than another."""
MAX_PENDING: Final = 1 << 21
"""Pairs that wait to be thinned out."""
BATCH: Final = 16_384
"""Pairs whose thumbnails are in memory at once."""
COSINE_RANGE: Final = 0.80, 0.95
"""Between which the least cosine of a candidate lies, whatever the set."""


class Pair(NamedTuple):
    """A picture of one collection, one of another (or the same), and how far they are one."""

    row: int
    other: int
    likeness: Likeness


def hash_candidates(a: Pictures, b: Pictures, parts: bool) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Rows of a, rows of b, and bits in which a hash of one, mirrored or of a part, differs from the other's.

    Args:
        a: pictures.
        b: pictures; a itself: their pairs, in both orders, and each with itself.
        parts: whether one may be a part of the other.
    """
    rows, others = (np.flatnonzero(one.with_facts()) for one in (a, b))

    def search(hashes: Hashes, base: Hashes) -> Iterator[tuple[Ints, Ints, Ints]]:
        for found, matches, distance in pairs_within(hashes[rows], base[others], RADIUS):
            yield rows[found], others[matches], distance

    for hashes in (a.hashes, a.mirror_hashes):
        yield from search(hashes, b.hashes)
    for hashes in a.part_hashes() if parts else ():
        for base in (b.hashes, b.mirror_hashes):
            yield from search(hashes, base)
    if parts and a is not b:
        for hashes in b.part_hashes():
            for base in (a.hashes, a.mirror_hashes):
                for found, matches, distance in pairs_within(hashes[others], base[rows], RADIUS):
                    yield rows[matches], others[found], distance


def nearest(blocks: Iterable[tuple[Ints, Ints, Ints]], limit: int = MAX_CANDIDATES) -> tuple[Ints, Ints]:
    """Pairs that are among the ``limit`` nearest of either picture, each once.

    Args:
        blocks: rows, other rows and distances, see `hash_candidates`.
        limit: pairs of one picture.
    """
    kept = np.zeros((3, 0), np.int64)
    pending: list[Ints] = []
    for block in blocks:
        pending.append(np.stack(block))
        if sum(one.shape[1] for one in pending) > MAX_PENDING:
            kept, pending = _thinned(np.concatenate([kept, *pending], axis=1), limit), []
    kept = _thinned(np.concatenate([kept, *pending], axis=1), limit)
    return kept[0], kept[1]


def _thinned(pairs: Ints, limit: int) -> Ints:
    pairs = pairs[:, np.lexsort((pairs[2], pairs[1], pairs[0]))]
    first = np.ones(pairs.shape[1], np.bool_)
    first[1:] = (pairs[:2, 1:] != pairs[:2, :-1]).any(axis=0)
    pairs = pairs[:, first]
    return pairs[:, (_rank(pairs[0], pairs[2], pairs[1]) < limit) | (_rank(pairs[1], pairs[2], pairs[0]) < limit)]


def _rank(end: Ints, distance: Ints, other: Ints) -> Ints:
    """Place of each pair among those of its end, from 0."""
    order = np.lexsort((other, distance, end))
    ends = end[order]
    place = np.arange(len(ends)) - np.searchsorted(ends, ends)
    ranks = np.empty_like(place)
    ranks[order] = place
    return ranks


def cosine_threshold(second_best: npt.NDArray[np.floating]) -> float:
    """Cosine from which on pictures are candidates: 99 of 100 have their second neighbour below.

    Nearly no picture has two copies, so second neighbours show how alike different pictures of this set are.

    Args:
        second_best: ``(N,)`` cosines of pictures with their second neighbour.
    """
    low, high = COSINE_RANGE
    return float(np.clip(np.quantile(second_best, 0.99), low, high)) if len(second_best) else low


def confirmed(a: Pictures, b: Pictures, rows: Ints, others: Ints) -> Iterator[Pair]:
    """The candidates that are one picture, by their thumbnails.

    Args:
        a: pictures.
        b: pictures.
        rows: ``(P,)`` of a.
        others: ``(P,)`` of b.
    """
    for start in range(0, len(rows), BATCH):
        batch = slice(start, start + BATCH)
        ours, theirs = _of_both(a, b, rows[batch].tolist(), others[batch].tolist())
        for row, other in zip(rows[batch].tolist(), others[batch].tolist(), strict=True):
            if row in ours and other in theirs:
                match = likeness(ours[row], theirs[other], ENOUGH)
                if match.correlation >= ENOUGH:
                    yield Pair(row, other, match)


def _of_both(
    a: Pictures, b: Pictures, rows: Sequence[int], others: Sequence[int]
) -> tuple[dict[int, Grey], dict[int, Grey]]:
    if a is b:
        both = a.thumbnails({*rows, *others})
        return both, both
    return a.thumbnails(set(rows)), b.thumbnails(set(others))
