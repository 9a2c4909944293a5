"""Prefetch: load the next item in a thread while the current one is in use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")


def prefetch_map(load: Callable[[Item], Loaded], items: Sequence[Item]) -> Iterator[tuple[Item, Loaded]]:
    """Each item with the result of ``load``, in order; the next one loads in a thread meanwhile, the first at once."""
    pool = ThreadPoolExecutor(1)
    return _results(pool, load, items, pool.submit(load, items[0])) if items else iter(())


def _results(
    pool: ThreadPoolExecutor, load: Callable[[Item], Loaded], items: Sequence[Item], future: Future[Loaded]
) -> Iterator[tuple[Item, Loaded]]:
    with pool:
        for number, item in enumerate(items, 1):
            result = future.result()
            if number < len(items):
                future = pool.submit(load, items[number])
            yield item, result
