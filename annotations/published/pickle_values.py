"""Values of a pickle's tree: arrays, data frames, indices and counters as plain Python values.

A tree shares nodes: a short pickle can describe a list of 2^40 cells. A `Decoder` counts the values it makes, and
stops at a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from reground.annotations.published.pickle_arrays import BYTES, array, bytes_of, number
from reground.annotations.published.pickle_tree import Call, Name, Pairs, RefusedError, Value

MAX_VALUES: Final = 4_000_000
"""That one file may have: 40 times those of the largest published."""
MAX_DEPTH: Final = 8
"""Of containers in a cell; the published cells have 4."""

_SCALARS: Final = (int, float, bytes, type(None))


class Decoder:
    """Decodes the tree of one file; `RefusedError` for what has no place in it, `ValueError` for damage."""

    def __init__(self) -> None:
        self.left = MAX_VALUES

    def plain(self, value: Value, depth: int = 0) -> Any:
        """A value of plain types: lists, tuples, dictionaries, numbers, text and bytes; an array becomes a list."""
        self.spend(1)
        if depth > MAX_DEPTH:
            raise RefusedError(f"it has containers nested over {MAX_DEPTH} deep")
        if isinstance(value, _SCALARS):
            return value
        if isinstance(value, str):
            return _text(value)
        if isinstance(value, list):
            return [self.plain(item, depth + 1) for item in value]
        if isinstance(value, tuple):
            return tuple(self.plain(item, depth + 1) for item in value)
        if isinstance(value, Pairs):
            return self.mapping(value, depth)
        if isinstance(value, Call) and value.name in _DECODERS:
            return _DECODERS[value.name](self, value, depth)
        raise RefusedError(
            f"it has {value.name if isinstance(value, Name | Call) else type(value).__name__} as a value"
        )

    def mapping(self, pairs: Pairs, depth: int = 0) -> dict[Any, Any]:
        """A dictionary with keys of plain types: hashing a tuple may exhaust the stack."""
        decoded: dict[Any, Any] = {}
        for key, value in pairs.items:
            plain_key = self.plain(key, depth + 1)
            if not isinstance(plain_key, (str, *_SCALARS)):
                raise RefusedError(f"it has a {type(plain_key).__name__} as a key")
            decoded[plain_key] = self.plain(value, depth + 1)
        return decoded

    def spend(self, count: int) -> None:
        """Count values against the limit."""
        self.left -= count
        if self.left < 0:
            raise RefusedError(f"it describes over {MAX_VALUES:,} values")

    def cells(self, cells: Sequence[Value] | np.ndarray, depth: int = 0) -> list[Any]:
        """Cells of a column or an array."""
        if isinstance(cells, np.ndarray):
            self.spend(len(cells) + cells.nbytes // 8)
            return [_text(cell) if isinstance(cell, str) else cell for cell in cells.tolist()]
        return [self.plain(cell, depth + 1) for cell in cells]


def _text(text: str) -> str:
    if not text.isascii():
        text.encode()  # a lone surrogate is no text, and raises
    return text


def _plain_array(decoder: Decoder, call: Call, depth: int) -> Any:
    block = array(call)
    if not block.shape:
        return decoder.cells(block.cells, depth)[0]
    num_dimensions = len(block.shape)
    if num_dimensions == 1:
        return decoder.cells(block.cells, depth)
    if num_dimensions > 2:
        raise RefusedError(f"it has an array of the shape {block.shape} as a value")
    decoder.spend(block.shape[0])
    return [decoder.cells(block.row(number), depth) for number in range(block.num_rows)]


def _plain_number(_: Decoder, call: Call, __: int) -> Any:
    return number(call)


def _plain_mapping(decoder: Decoder, call: Call, depth: int) -> dict[Any, Any]:
    """A counter, or an ordered dictionary."""
    initial = call.arguments[0] if call.arguments else Pairs()
    if isinstance(initial, list):  # (key, value) pairs, as Python 2 writes an ordered dictionary
        initial = Pairs([(key, value) for key, value in initial])
    if not isinstance(initial, Pairs):
        raise RefusedError(f"it makes a dictionary of a {type(initial).__name__}")
    return decoder.mapping(Pairs([*initial.items, *(call.pairs.items if call.pairs else ())]), depth)


def _plain_bytes(decoder: Decoder, call: Call, _: int) -> bytes:
    content = bytes_of(call)
    decoder.spend(len(content) // 8)
    return content


_DECODERS: Final[Mapping[str, Callable[[Decoder, Call, int], Any]]] = {
    **{f"{package}.multiarray.scalar": _plain_number for package in ("numpy.core", "numpy._core")},
    **{f"{package}.multiarray._reconstruct": _plain_array for package in ("numpy.core", "numpy._core")},
    **{f"{package}.numeric._frombuffer": _plain_array for package in ("numpy.core", "numpy._core")},
    **dict.fromkeys(BYTES, _plain_bytes),
    "collections.Counter": _plain_mapping,
    "collections.OrderedDict": _plain_mapping,
}
"""Name -> the plain value of a call of it."""
