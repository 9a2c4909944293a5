"""Consistent hashing: which of many members each key belongs to, so that few keys move when the members change.

Each member has several points on a circle. A key probes it at several places and takes the member whose point follows a
probe most closely. A new member takes about its equal share of the keys, from all others alike; no other key moves. A
lookup costs O(probes x log members), where rendezvous hashing, which keeps the same promise, ranks all members for each
key.

Source: Appleton and O'Reilly 2015, Multi-probe consistent hashing (https://arxiv.org/abs/1505.00062), with their 21
probes; several points a member (Karger et al. 1997) make shares still more equal.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
PROBES: Final = 21
POINTS: Final = 8
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)


def closest_member(members: Hashes, keys: Hashes, exclude: npt.NDArray[np.intp] | None = None) -> npt.NDArray[np.intp]:
    """The member of each key. It depends on the set of members, not on their order.

    Args:
        members: ``(M,) uint64``, their hashes, without repeats.
        keys: ``(N,) uint64``, hashes of the keys.
        exclude: ``(N,)``, for each key a member that it must not get, as a position in ``members``; -1: none.

    Returns:
        ``(N,)``: positions in ``members``.

    Raises:
        ValueError: there is no member, or a key excludes the only one.

    Examples:
        >>> members, keys = np.array([4, 8, 15], np.uint64), np.arange(6, dtype=np.uint64)
        >>> closest_member(members, keys).tolist()
        [2, 2, 1, 0, 0, 0]
        >>> closest_member(members[:2], keys).tolist()  # only the keys of the third have moved
        [1, 0, 1, 0, 0, 0]
    """
    excluded = np.full(len(keys), -1, np.intp) if exclude is None else exclude
    if len(members) == 0 or (len(members) == 1 and (excluded == 0).any()):
        raise ValueError(f"expected a member for each key, got {len(members)}, or the only one is excluded")
    points = _spread(members, POINTS).ravel()
    order = np.argsort(points, kind="stable")
    ring, owners = points[order], order // POINTS
    probes = _spread(keys, PROBES)
    places = np.searchsorted(ring, probes) % len(ring)
    while (blocked := owners[places] == excluded[:, None]).any():
        places = (places + blocked) % len(ring)
    distances = ring[places] - probes  # wraps around the circle
    return owners[places[np.arange(len(keys)), distances.argmin(axis=1)]]


def _spread(hashes: Hashes, count: int) -> Hashes:
    """``(N, count) uint64``: places on the circle for each hash."""
    return _mix(hashes[:, None] + np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN)


def _mix(values: Hashes) -> Hashes:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
