"""Arrays in a pickle's tree: their cells, as many as their data has."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from reground.annotations.published.pickle_tree import Call, RefusedError, Value
from reground.tasks.files import preview

_DTYPE: Final = re.compile(r"([biuf]\d{0,2}|[OUS]\d{0,9})", re.ASCII)


@dataclass(frozen=True)
class Block:
    """An array as a pickle stores it.

    Attributes:
        shape: of the array.
        cells: all of them, in memory's order: numbers as an array, objects as nodes.
        fortran: whether the first index varies fastest.
    """

    shape: tuple[int, ...]
    cells: Sequence[Value] | np.ndarray
    fortran: bool

    @property
    def num_rows(self) -> int:
        """Rows of a table; a list is one row."""
        return self.shape[0] if len(self.shape) == 2 else 1

    def row(self, number: int) -> Sequence[Value] | np.ndarray:
        """The cells of a row."""
        if self.fortran:
            return self.cells[number :: self.num_rows]
        length = self.shape[-1]
        return self.cells[number * length : (number + 1) * length]


def array(call: Value) -> Block:
    """The cells of an array, whose number its data must match."""
    if not isinstance(call, Call):
        raise RefusedError(f"it has a {type(call).__name__} where an array should be")
    if call.name.endswith("._frombuffer"):
        data, dtype, shape, order, *axis_order = call.arguments
        if order not in ("C", "F") or any(axis is not None for axis in axis_order):
            raise RefusedError("it has an array in an unknown order")
        return _block(shape, _dtype(dtype), bytes_of(data), order == "F")
    if not call.name.endswith("._reconstruct") or call.state is None:
        raise RefusedError(f"it has {call.name} where an array should be")
    _, shape, dtype, fortran, data = call.state
    return _block(shape, _dtype(dtype), data, bool(fortran))


def _block(shape: Value, dtype: np.dtype[Any], data: Value, fortran: bool) -> Block:
    size = _size(shape)
    if dtype == np.dtype("O"):
        if not isinstance(data, list) or len(data) != size:
            raise RefusedError(f"it gives an array of {size} objects something else")
        return Block(shape, data, fortran)
    data = bytes_of(data)
    if dtype.itemsize == 0 or len(data) != size * dtype.itemsize:
        raise RefusedError(f"it gives an array of {size} {dtype} {len(data)} bytes")
    return Block(shape, np.frombuffer(data, dtype), fortran)


def bytes_of(value: Value) -> bytes:
    """Bytes, in whatever way a pickle writes them."""
    if isinstance(value, Call) and value.name in BYTES:
        return BYTES[value.name](value)
    if not isinstance(value, bytes):
        raise RefusedError(f"it has a {type(value).__name__} where bytes should be")
    return value


def number(call: Call) -> Any:
    """One number from its bytes."""
    dtype, data = call.arguments
    kind, content = _dtype(dtype), bytes_of(data)
    if kind.kind not in "biuf" or len(content) != kind.itemsize:
        raise RefusedError(f"it has a number of {kind} of {len(content)} bytes")
    return np.frombuffer(content, kind)[0].item()


def _dtype(call: Value) -> np.dtype[Any]:
    """A NumPy type of plain numbers, text or objects."""
    code = call.arguments[0] if isinstance(call, Call) and call.name == "numpy.dtype" and call.arguments else None
    if not isinstance(code, str) or not _DTYPE.fullmatch(code):
        raise RefusedError(f"it asks for the dtype {preview(code)}")
    assert isinstance(call, Call)
    order = "="
    if call.state is not None:
        if any(part is not None for part in call.state[2:5]):
            raise RefusedError("it asks for a dtype with fields")
        order = call.state[1]
    if not isinstance(order, str) or order not in ("<", ">", "|", "="):
        raise RefusedError(f"it asks for the byte order {preview(order)}")
    return np.dtype(code if order in "|=" or code == "O8" else order + code)


def _size(shape: Value) -> int:
    """Number of cells of an array of this shape."""
    if not isinstance(shape, tuple) or len(shape) > 3 or not all(type(side) is int and side >= 0 for side in shape):
        raise RefusedError(f"it has an array of the shape {preview(shape)}")
    size = 1
    for side in shape:
        size *= side
    return size


def _buffer(call: Call) -> bytes:
    """``bytearray`` and ``pyarrow.py_buffer``."""
    data = call.arguments[0] if call.arguments else b""
    if isinstance(data, Call) and data.name in BYTES:
        data = BYTES[data.name](data)
    if not isinstance(data, bytes):
        raise RefusedError(f"it makes bytes of a {type(data).__name__}")
    return data


def _encoded(call: Call) -> bytes:
    """``_codecs.encode``: bytes as protocol 2 writes them."""
    text, encoding = call.arguments
    if not isinstance(text, str) or encoding != "latin1":
        raise RefusedError(f"it encodes in {preview(encoding)}")
    return text.encode("latin1")


BYTES: Final[Mapping[str, Callable[[Call], bytes]]] = {
    "_codecs.encode": _encoded,
    "builtins.bytearray": _buffer,
    "__builtin__.bytearray": _buffer,
    "pyarrow.lib.py_buffer": _buffer,
}
