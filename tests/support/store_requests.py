"""Requests to object stores, counted where the client makes them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final
from unittest import mock

import obstore

REQUESTS: Final = ("get", "get_range", "head", "put", "delete")


@contextlib.contextmanager
def count_requests() -> Iterator[list[str]]:
    """The requests to object stores meanwhile; a listing counts once for each page."""
    requests: list[str] = []

    def counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted_call(*args: Any, **options: Any) -> Any:
            requests.append(name)
            return call(*args, **options)

        return counted_call

    def pages(*args: Any, **options: Any) -> Iterator[Any]:
        chunks = list(listing(*args, **options))
        requests.extend(["list"] * max(1, len(chunks)))
        return iter(chunks)

    listing = obstore.list
    with contextlib.ExitStack() as stack:
        for name in REQUESTS:
            stack.enter_context(mock.patch.object(obstore, name, counted(name, getattr(obstore, name))))
        stack.enter_context(mock.patch.object(obstore, "list", pages))
        yield requests
