"""A short text of a value from elsewhere, for messages."""

from __future__ import annotations

import reprlib
from typing import Any, Final

MAX_BITS: Final = 128
"""Longer integers are described: their digits take quadratic time."""


class _Preview(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 2
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = self.maxdeque = 4
        self.maxstring = self.maxother = 60

    def repr_int(self, x: int, level: int) -> str:
        return repr(x) if x.bit_length() <= MAX_BITS else f"an integer of {x.bit_length():,} bits"

    def repr_bytes(self, x: bytes, level: int) -> str:
        return repr(x) if len(x) <= self.maxstring else f"{x[: self.maxstring]!r}..."


def preview(value: Any) -> str:
    """A text of at most a few hundred characters, in bounded time: lists are cut in length and in depth.

    Examples:
        >>> preview([[[["a"]]], 10**4000])
        '[[[...]], an integer of 13,288 bits]'
        >>> preview(list(range(1000)))
        '[0, 1, 2, 3, ...]'
    """
    return _Preview().repr(value).replace("\n", " ")
