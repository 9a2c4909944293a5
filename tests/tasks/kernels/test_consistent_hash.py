"""Consistent hashing: equal shares, and a member more or less moves only its own keys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.kernels.consistent_hash import closest_member

MEMBERS = st.lists(st.integers(0, 2**64 - 1), unique=True, min_size=2, max_size=40)
KEYS = np.random.default_rng(0).integers(0, 2**63, 200, np.uint64)


def hashes(values: list[int]) -> np.ndarray:
    return np.array(values, np.uint64)


def owners(members: list[int], keys: np.ndarray = KEYS) -> np.ndarray:
    return hashes(members)[closest_member(hashes(members), keys)]


@given(MEMBERS)
def test_only_keys_of_the_new_member_move(members: list[int]) -> None:
    before, after = owners(members[:-1]), owners(members)
    assert set(after[before != after]) <= {members[-1]}


@given(MEMBERS, st.randoms(use_true_random=False))
def test_the_order_of_the_members_does_not_matter(members: list[int], random) -> None:
    before = owners(members)
    random.shuffle(members)
    np.testing.assert_array_equal(owners(members), before)


@given(MEMBERS, st.integers(0, 39))
def test_an_excluded_member_is_as_one_that_is_not_there(members: list[int], number: int) -> None:
    number %= len(members)
    found = closest_member(hashes(members), KEYS, np.full(len(KEYS), number))
    rest = members[:number] + members[number + 1 :]
    np.testing.assert_array_equal(hashes(members)[found], owners(rest))


@pytest.mark.parametrize("count", [2, 7, 60])
def test_shares_are_nearly_equal(count: int) -> None:
    rng = np.random.default_rng(count)
    keys = rng.integers(0, 2**63, 20_000, np.uint64)
    spreads = []
    for _ in range(10):
        found = closest_member(rng.integers(0, 2**64 - 1, count, np.uint64), keys)
        spreads.append((np.bincount(found, minlength=count) * count / len(keys)).std())
    assert np.mean(spreads) < 0.1


def test_no_member_is_left() -> None:
    for members, exclude in ((hashes([]), None), (hashes([3]), np.zeros(len(KEYS), np.intp))):
        with pytest.raises(ValueError, match="expected a member for each key"):
            closest_member(members, KEYS, exclude)
    assert not closest_member(hashes([3]), KEYS).any()
