"""Prefetch: load the next item in a thread while the current one is in use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")


def prefetch_map(load: Callable[[Item], Loaded], items: Sequence[Item]) -> Iterator[tuple[Item, Loaded]]:
    """Each item with the result of ``load``, in order; the next one loads in a thread meanwhile."""
    if not items:
        return
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(load, items[0])
        for number, item in enumerate(items, 1):
            result = future.result()
            if number < len(items):
                future = pool.submit(load, items[number])
            yield item, result
