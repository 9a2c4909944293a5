"""One step ahead: the order, how far ahead, and whose error it is."""

from __future__ import annotations

import threading

import pytest

from reground.annotations.rounds.prefetch import prefetch_map


def test_each_with_its_own_in_order() -> None:
    assert list(prefetch_map(str, [3, 1, 2])) == [(3, "3"), (1, "1"), (2, "2")]
    assert list(prefetch_map(str, [])) == []


def test_the_next_is_made_meanwhile_and_no_further_one() -> None:
    made: list[int] = []
    second = threading.Event()

    def make(item: int) -> int:
        made.append(item)
        if item == 2:
            second.set()
        return item

    steps = prefetch_map(make, [1, 2, 3, 4])
    assert next(steps) == (1, 1)
    assert second.wait(10) and made == [1, 2]
    assert [item for item, _ in steps] == [2, 3, 4]


def test_an_error_comes_where_its_item_would() -> None:
    steps = prefetch_map(lambda item: 1 // item, [1, 0, 1])
    assert next(steps) == (1, 1)
    with pytest.raises(ZeroDivisionError):
        next(steps)
