"""Stand-ins that `safe_pickle` gives a pickle in place of the classes of numpy, pandas and other packages.

Each holds data and does nothing else. Classes are closed: a pickle cannot set attributes on them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

_PLAIN: Final = frozenset("biuf")
"""NumPy kinds of numbers: booleans, integers, floats."""
_KINDS: Final = _PLAIN | frozenset("OUS")


class RefusedError(Exception):
    """A pickle asks for something that is not allowed; the message says what."""


class _Closed(type):
    """A class whose attributes cannot be set."""

    def __setattr__(cls, name: str, value: object) -> None:
        raise RefusedError(f"it sets {cls.__name__}.{name}")


class DType(metaclass=_Closed):
    """``numpy.dtype``: of plain numbers, text or objects."""

    __slots__ = ("code", "order")

    def __init__(self, code: object, *_: object) -> None:
        text = str(code).lstrip("<>|=")
        if not isinstance(code, str) or text[:1] not in _KINDS or not (text[1:] == "" or text[1:].isdecimal()):
            raise RefusedError(f"it asks for the dtype {code!r}")
        self.code, self.order = text, "="

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or any(part is not None for part in state[2:5]):
            raise RefusedError("it asks for a dtype with fields")
        if state[1] not in ("<", ">", "|", "="):
            raise RefusedError(f"it asks for the byte order {state[1]!r}")
        self.order = str(state[1])

    def real(self) -> np.dtype[Any]:
        return np.dtype(self.order + self.code) if self.order in "<>" else np.dtype(self.code)


class Array(np.ndarray, metaclass=_Closed):
    """``numpy.ndarray``, filled only with data whose size is right."""

    def __new__(cls, *_: object) -> Array:
        return super().__new__(cls, (0,), np.int8)

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        if not isinstance(dtype, DType):
            raise RefusedError("it gives an array no dtype")
        real = dtype.real()
        size = _size(shape)
        if real == np.dtype("O"):
            if not isinstance(data, list) or len(data) != size:
                raise RefusedError(f"it gives an array of {size} objects something else")
        elif not isinstance(data, bytes) or len(data) != size * real.itemsize:
            raise RefusedError(f"it gives an array of {size} {real} something else")
        super().__setstate__((1, shape, real, np.bool_(fortran), data))


class Counter(dict[Any, Any], metaclass=_Closed):
    """``collections.Counter`` and other mappings: what was counted, how often."""

    __slots__ = ()


class Index(metaclass=_Closed):
    """A pandas index; its name only."""

    __slots__ = ()


class RangeIndex(metaclass=_Closed):
    """A pandas index of consecutive numbers; its name only."""

    __slots__ = ()


class Blocks(metaclass=_Closed):
    """pandas' block manager: columns of the same dtype share a block, a row for each column."""

    __slots__ = ("axes", "blocks")

    def __init__(self, blocks: Any = (), axes: Any = ()) -> None:
        self.blocks, self.axes = list(blocks), list(axes)

    def __setstate__(self, state: Any) -> None:
        """As pandas 1.0 to 1.2 write it."""
        content = state[3]["0.14.1"]
        self.axes = list(content["axes"])
        self.blocks = [unpickle_block(block["values"], block["mgr_locs"]) for block in content["blocks"]]

    def index(self) -> list[Any]:
        return _to_list(self.axes[1])

    def columns(self) -> dict[str, list[Any]]:
        """Name -> cells.

        Raises:
            RefusedError: two columns have the same position, or a position has none.
        """
        names, rows = _to_list(self.axes[0]), len(self.index())
        columns: dict[int, list[Any]] = {}
        for values, slots in self.blocks:
            positions = list(range(len(names))[slots]) if isinstance(slots, slice) else [int(n) for n in slots]
            cells = values if isinstance(values, np.ndarray) and values.ndim == 2 else [values]
            for position, row in zip(positions, cells, strict=True):
                columns[position] = _to_list(row)
        if sorted(columns) != list(range(len(names))) or any(len(cells) != rows for cells in columns.values()):
            raise RefusedError(f"{len(names)} columns of {rows} cells were announced")
        return {str(name): columns[position] for position, name in enumerate(names)}


class Frame(metaclass=_Closed):
    """``pandas.DataFrame``: its blocks."""

    __slots__ = ("blocks",)

    def __setstate__(self, state: Any) -> None:
        self.blocks = state.get("_mgr", state.get("_data"))


class TextType(metaclass=_Closed):
    """``pandas.StringDtype``; its name only."""

    __slots__ = ()

    def __init__(self, *_: object) -> None: ...


class Text(metaclass=_Closed):
    """A pandas 3 column of text, in Arrow format."""

    __slots__ = ("cells",)

    def __setstate__(self, state: Any) -> None:
        cells = state["_pa_array"]
        if not isinstance(cells, tuple):
            raise RefusedError("it asks for a column of text that is not one")
        self.cells: tuple[str | None, ...] = cells


def restore_text(state: Any) -> tuple[str | None, ...]:
    """The cells of an Arrow array of text: validity bitmap, offsets, and concatenated text.

    Source: https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-layout
    """
    kind, length, _, start, (validity, offsets, content), children, dictionary = state
    if kind not in ("large_string", "string") or start != 0 or children or dictionary is not None:
        raise RefusedError(f"it asks for an Arrow array of {kind!r}")
    bounds = np.frombuffer(offsets, "<i8" if kind == "large_string" else "<i4", count=length + 1).tolist()
    is_valid = (
        np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little")[:length] if validity else [1] * length
    )
    if bounds != sorted(bounds) or bounds[0] < 0 or bounds[-1] > len(content) or len(is_valid) != length:
        raise RefusedError("its column of text has inconsistent lengths")
    spans = itertools.pairwise(bounds)
    return tuple(content[a:b].decode() if valid else None for (a, b), valid in zip(spans, is_valid, strict=True))


def raw_bytes(data: Any = b"") -> bytes:
    """Bytes, unchanged."""
    if not isinstance(data, bytes | bytearray):
        raise RefusedError(f"it asks for bytes of {type(data).__name__}")
    return bytes(data)


def arrow_type(name: Any) -> str:
    """The name of an Arrow type."""
    return str(name)


def unpickle_block(values: Any, slots: Any, *_: object) -> tuple[Any, Any]:
    """Rows of a block, and the positions of the columns that they are."""
    return values, slots


def new_index(kind: Any, state: Mapping[str, Any]) -> Any:
    """The labels of an index."""
    if kind is RangeIndex:
        return range(int(state["start"]), int(state["stop"]), int(state["step"]))
    if kind is not Index:
        raise RefusedError("it asks for an index of an unknown kind")
    return state["data"]


def reconstruct(kind: Any, *_: object) -> Array:
    """An empty array, to be filled."""
    if kind is not Array:
        raise RefusedError("it asks for an array of an unknown kind")
    return Array()


def from_buffer(data: Any, dtype: Any, shape: Any, order: Any, axis_order: Any = None) -> Any:
    """An array of numbers, from its bytes."""
    if not isinstance(dtype, DType) or dtype.code[0] not in _PLAIN or not isinstance(data, bytes | bytearray):
        raise RefusedError("it asks for an array of something other than numbers")
    if axis_order is not None or order not in ("C", "F"):
        raise RefusedError(f"it asks for an array in the order {order!r} {axis_order!r}")
    if _size(shape) * dtype.real().itemsize != len(data):
        raise RefusedError(f"it gives an array of {shape} only {len(data)} bytes")
    return np.frombuffer(bytes(data), dtype.real()).reshape(shape, order=order)


def scalar(dtype: Any, data: Any) -> Any:
    """One number from its bytes."""
    if not isinstance(dtype, DType) or dtype.code[0] not in _PLAIN or not isinstance(data, bytes):
        raise RefusedError("it asks for something other than a number")
    if len(data) != dtype.real().itemsize:
        raise RefusedError(f"it gives a number of {dtype.real()} {len(data)} bytes")
    return np.frombuffer(data, dtype.real())[0]


def encode(text: Any, encoding: Any) -> bytes:
    """Bytes as protocol 2 writes them."""
    if not isinstance(text, str) or encoding != "latin1":
        raise RefusedError(f"it encodes in {encoding!r}")
    return text.encode("latin1")


def _size(shape: Any) -> int:
    """Number of cells of an array of this shape."""
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape) or len(shape) > 3:
        raise RefusedError(f"it asks for an array of the shape {shape!r}")
    size = 1
    for side in shape:
        size *= side
    return size


def _to_list(cells: Any) -> list[Any]:
    if isinstance(cells, Text):
        return list(cells.cells)
    if isinstance(cells, range):
        return list(cells)
    if not isinstance(cells, np.ndarray) or cells.ndim != 1:
        raise RefusedError(f"it holds {type(cells).__name__} where labels or cells should be")
    return cells.tolist()


STAND_INS: Final[Mapping[tuple[str, str], Callable[..., Any]]] = {
    ("_codecs", "encode"): encode,
    ("__builtin__", "bytearray"): raw_bytes,
    ("__builtin__", "slice"): slice,
    ("builtins", "bytearray"): raw_bytes,
    ("builtins", "slice"): slice,
    ("collections", "Counter"): Counter,
    ("collections", "OrderedDict"): Counter,
    ("numpy", "dtype"): DType,
    ("numpy", "ndarray"): Array,
    ("numpy._core.multiarray", "_reconstruct"): reconstruct,
    ("numpy._core.multiarray", "scalar"): scalar,
    ("numpy._core.numeric", "_frombuffer"): from_buffer,
    ("numpy.core.multiarray", "_reconstruct"): reconstruct,
    ("numpy.core.multiarray", "scalar"): scalar,
    ("numpy.core.numeric", "_frombuffer"): from_buffer,
    ("pandas", "DataFrame"): Frame,
    ("pandas", "Index"): Index,
    ("pandas", "RangeIndex"): RangeIndex,
    ("pandas._libs.internals", "_unpickle_block"): unpickle_block,
    ("pandas.core.frame", "DataFrame"): Frame,
    ("pandas.core.indexes.base", "Index"): Index,
    ("pandas.core.indexes.base", "_new_Index"): new_index,
    ("pandas.core.indexes.numeric", "Int64Index"): Index,
    ("pandas.core.indexes.range", "RangeIndex"): RangeIndex,
    ("pandas.core.internals.managers", "BlockManager"): Blocks,
    ("pandas", "StringDtype"): TextType,
    ("pandas.arrays", "ArrowStringArray"): Text,
    ("pyarrow.lib", "_restore_array"): restore_text,
    ("pyarrow.lib", "py_buffer"): raw_bytes,
    ("pyarrow.lib", "type_for_alias"): arrow_type,
}
