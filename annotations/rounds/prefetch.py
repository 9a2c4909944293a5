"""One step ahead: what comes next is made while this is being used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def one_ahead(make: Callable[[Item], Made], items: Sequence[Item]) -> Iterator[tuple[Item, Made]]:
    """Each item with what ``make`` makes of it, in order; the next is made in a thread meanwhile."""
    if not items:
        return
    with ThreadPoolExecutor(1) as maker:
        under_way = maker.submit(make, items[0])
        for number, item in enumerate(items, 1):
            made = under_way.result()
            if number < len(items):
                under_way = maker.submit(make, items[number])
            yield item, made
