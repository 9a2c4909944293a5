"""Shards follow the set of keys alone: one key more or less changes one shard, but for a split or a union."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.workspace import partition

KEYS = st.lists(st.text(max_size=8), unique=True, max_size=80)
SIZES = st.integers(1, 20)


def cells(keys: Sequence[str], size: int) -> dict[str, set[str]]:
    return {name: {keys[n] for n in cell} for name, cell in partition(keys, size).items()}


@given(KEYS, SIZES)
def test_each_key_is_in_one_shard_and_no_shard_is_too_large_or_empty(keys: list[str], size: int) -> None:
    cut = partition(keys, size)
    assert sorted(position for cell in cut.values() for position in cell) == list(range(len(keys)))
    assert all(0 < len(cell) <= size and cell == sorted(cell) for cell in cut.values())


@given(KEYS, SIZES, st.randoms(use_true_random=False))
def test_the_order_of_the_keys_changes_no_shard(keys: list[str], size: int, random) -> None:
    before = cells(keys, size)
    random.shuffle(keys)
    assert cells(keys, size) == before


@given(KEYS.filter(bool), SIZES)
def test_a_key_more_changes_one_shard_or_splits_it(keys: list[str], size: int) -> None:
    """Read backwards: a key less changes one shard, or joins it with its neighbours."""
    *old, new = keys
    before, after = cells(old, size), cells(keys, size)
    removed = {name: cell for name, cell in before.items() if after.get(name) != cell}
    added = {name: cell for name, cell in after.items() if before.get(name) != cell}
    assert len(removed) <= 1
    assert set().union(*added.values()) == {new}.union(*removed.values())
    for name in added:
        assert all(old_name == "all" or name.startswith(old_name) for old_name in removed)


def test_one_shard_is_not_cut() -> None:
    assert partition([], 4) == {}
    assert partition(["a", "b"], 2) == {"all": [0, 1]}


def test_equal_keys_stay_together_however_many() -> None:
    assert sorted(map(len, partition(["a"] * 5 + ["b"], 2).values())) == [1, 5]


def test_the_cut_is_known() -> None:
    """Another hash would make every shard of every workspace again."""
    assert partition(list("012345"), 2) == {"0": [2, 4], "1000": [0, 5], "1001": [3], "11": [1]}
