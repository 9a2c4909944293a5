"""Cut a set of keys into shards: by the leading bits of their hashes.

The cut depends on the set alone, not on its history: a set that has grown is cut as one that was whole from the
start. One more key changes one shard, or splits one that was full; one less changes one, or joins two.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

WHOLE: Final = "all"
"""Id of the only shard of a set that is not cut."""
BITS: Final = 64


def partition(keys: Sequence[str], max_size: int) -> dict[str, list[int]]:
    """Cut keys into shards of at most ``max_size``.

    A shard is halved by the next bit of the hashes for as long as it holds more.

    Args:
        keys: of the items; equal keys stay together.
        max_size: most keys in a shard, at least 1.

    Returns:
        Shard id (its leading bits, or `WHOLE`) -> positions in ``keys``, ascending. No shard is empty.

    Examples:
        >>> partition(["a", "b", "c"], 3)
        {'all': [0, 1, 2]}
        >>> cut = partition([f"{number}.jpg" for number in range(1000)], 64)
        >>> len(cut), max(map(len, cut.values()))
        (24, 62)
    """
    hashes = sorted((_hash(key), position) for position, key in enumerate(keys))
    return {bits or WHOLE: sorted(position for _, position in part) for bits, part in _halve(hashes, "", max_size)}


def overlaps(shards: Sequence[str], others: Sequence[str]) -> dict[str, list[str]]:
    """The other shards that can hold keys of each shard: itself, and what it was split from or is joined of.

    Args:
        shards: ids by `partition`.
        others: ids by `partition` of another set, or any text.

    Examples:
        >>> overlaps(["00", "01", "1"], ["0", "10", "11"])
        {'00': ['0'], '01': ['0'], '1': ['10', '11']}
    """
    matches: dict[str, list[str]] = {name: [] for name in shards}
    names, other_names = {_bits(name): name for name in shards}, {_bits(name): name for name in others}
    for bits, name in names.items():
        matches[name] += [other_names[part] for part in _leading(bits) if part in other_names]
    for bits, other in other_names.items():
        for part in _leading(bits[:-1]) if bits else ():
            if part in names:
                matches[names[part]].append(other)
    return matches


def _bits(name: str) -> str:
    return "" if name == WHOLE else name


def _leading(bits: str) -> Iterator[str]:
    return (bits[:length] for length in range(len(bits) + 1))


def _halve(
    hashes: Sequence[tuple[int, int]], bits: str, max_size: int
) -> Iterator[tuple[str, Sequence[tuple[int, int]]]]:
    if len(hashes) <= max_size or len(bits) == BITS:
        if hashes:
            yield bits, hashes
        return
    boundary = int(f"{bits}1".ljust(BITS, "0"), 2)
    middle = bisect_left(hashes, (boundary, 0))
    yield from _halve(hashes[:middle], f"{bits}0", max_size)
    yield from _halve(hashes[middle:], f"{bits}1", max_size)


def _hash(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=BITS // 8).digest(), "big")
