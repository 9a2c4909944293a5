"""Every pair within a radius, each once: as by comparing all with all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.kernels import hash_pairs
from reground.tasks.kernels.hash_pairs import pairs_within


@pytest.fixture(autouse=True, scope="module")
def _bands_of_few_too() -> Iterator[None]:
    """Small inputs are looked up as large ones are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hash_pairs, "FEW", 0)
        yield


HASHES = st.lists(st.integers(0, 2**64 - 1), max_size=12)
FEW_BITS = st.lists(st.integers(0, 63), max_size=14)


def near(hashes: list[int], flips: list[list[int]]) -> np.ndarray:
    """Hashes, and copies of them with some bits changed."""
    copies = [one ^ sum(1 << bit for bit in set(bits)) for one, bits in zip(hashes * 3, flips, strict=False) if hashes]
    return np.array([*hashes, *copies], np.uint64)


def all_pairs(queries: np.ndarray, base: np.ndarray, radius: int) -> list[tuple[int, int, int]]:
    blocks = list(pairs_within(queries, base, radius))
    return sorted(tuple(pair) for block in blocks for pair in np.stack(block, axis=1).tolist())


def by_comparing_all(queries: np.ndarray, base: np.ndarray, radius: int) -> list[tuple[int, int, int]]:
    distance = np.bitwise_count(queries[:, None] ^ base[None]).astype(int)
    return sorted((int(q), int(b), int(distance[q, b])) for q, b in zip(*np.nonzero(distance <= radius), strict=True))


@given(HASHES, st.lists(FEW_BITS, max_size=30), st.integers(0, 13))
def test_every_pair_is_there_once(hashes: list[int], flips: list[list[int]], radius: int) -> None:
    base = near(hashes, flips)
    assert all_pairs(base, base, radius) == by_comparing_all(base, base, radius)
    assert all_pairs(base[::2], base[::-1], radius) == by_comparing_all(base[::2], base[::-1], radius)


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_equal_hashes_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(hash_pairs, "MAX_CANDIDATES", limit)
    equal = np.full(40, 0xF0F0F0F0F0F0F0F0, np.uint64)
    assert max(len(rows) for rows, _, _ in pairs_within(equal, equal, 10)) <= max(limit, 40)
    assert all_pairs(equal, equal, 10) == by_comparing_all(equal, equal, 10)


def test_bits_in_one_band_count_as_well() -> None:
    one = np.array([0, 0x3FF, 0x3FF << 48, 0x7FF], np.uint64)
    assert [pair for pair in all_pairs(one, one, 10) if pair[0] == 0] == [(0, 0, 0), (0, 1, 10), (0, 2, 10)]


def test_few_pairs_are_compared_all_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = np.array([0, 1, 2**63, 2**64 - 1], np.uint64)
    looked_up = all_pairs(hashes, hashes[:3], 2)
    monkeypatch.setattr(hash_pairs, "FEW", 12)
    assert all_pairs(hashes, hashes[:3], 2) == looked_up == by_comparing_all(hashes, hashes[:3], 2)
    assert all_pairs(hashes[:0], hashes, 2) == []
