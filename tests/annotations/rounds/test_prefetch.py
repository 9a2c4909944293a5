"""One step ahead: the order, how far ahead, and whose error it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from reground.annotations.rounds import prefetch
from reground.annotations.rounds.prefetch import prefetch_map
from tests.support.waiting import HANG


def test_each_with_its_own_in_order() -> None:
    assert list(prefetch_map(str, [3, 1, 2])) == [(3, "3"), (1, "1"), (2, "2")]
    assert list(prefetch_map(str, [])) == []


def test_the_next_is_made_meanwhile() -> None:
    second = threading.Event()

    def make(item: int) -> int:
        if item == 2:
            second.set()
        return item

    steps = prefetch_map(make, [1, 2, 3])
    assert next(steps) == (1, 1)
    assert second.wait(HANG)
    assert [item for item, _ in steps] == [2, 3]


def test_the_first_is_made_before_it_is_asked_for() -> None:
    first = threading.Event()
    steps = prefetch_map(lambda item: first.set(), [1])
    assert first.wait(HANG)
    assert list(steps) == [(1, None)]


class Immediate(Executor):
    """An executor that is always faster than its caller."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_no_further_one_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefetch, "ThreadPoolExecutor", lambda workers: Immediate())
    calls: list[int] = []
    steps = prefetch_map(calls.append, [1, 2, 3, 4])
    for number, _ in enumerate(steps, 1):
        assert calls == [1, 2, 3, 4][: number + 1]


def test_an_error_comes_where_its_item_would() -> None:
    steps = prefetch_map(lambda item: 1 // item, [1, 0, 1])
    assert next(steps) == (1, 1)
    with pytest.raises(ZeroDivisionError):
        next(steps)
