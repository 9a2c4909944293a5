"""Read ahead: requests to an object store take long each, and many at once no longer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from reground.tasks.storage import Storage

REQUESTS: Final = 16
"""In flight at once, to an object store."""
T = TypeVar("T")
U = TypeVar("U")


def read_ahead(storage: Storage, function: Callable[[T], U], items: Iterable[T]) -> Iterator[U]:
    """Results in the order of the items: from an object store several at once, from a folder each where it is taken."""
    return map_ahead(function, items, 0 if storage.is_local else REQUESTS)


def map_ahead(function: Callable[[T], U], items: Iterable[T], ahead: int) -> Iterator[U]:
    """Results in the order of the items, with at most ``ahead`` calls at once, in threads.

    Args:
        function: threads may share it.
        items: its arguments.
        ahead: how many calls begin before the first result is taken; 0: each where it is taken.

    Examples:
        >>> list(map_ahead(abs, [-2, 1, -3], ahead=2))
        [2, 1, 3]
    """
    if ahead < 1:
        yield from map(function, items)
        return
    waiting: deque[Future[U]] = deque()
    with ThreadPoolExecutor(ahead) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) == ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
