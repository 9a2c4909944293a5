"""Safe reading of pickles with arrays, data frames and counters.

A pickle is a program: it may call any function that it names. This reader knows the names in `ALLOWED` and
replaces each by a stand-in that can only hold data, so that no content reaches pandas or any other package, and
nothing outside the file changes. Every other name is refused. Reads the data frames of pandas 1 to 3.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from reground.annotations.published.pickle_stand_ins import STAND_INS, Array, Blocks, Frame, RefusedError
from reground.tasks.errors import RegroundError

ALLOWED: Final[Mapping[tuple[str, str], Callable[..., Any]]] = STAND_INS
"""(module, name) -> stand-in."""


@dataclass(frozen=True)
class PickledFrame:
    """The index and the columns of a data frame, all of one length."""

    index: Sequence[Any]
    columns: Mapping[str, Sequence[Any]]


def read_frame(path: Path, required: Sequence[str]) -> PickledFrame:
    """The data frame pickled at ``path``.

    Args:
        path: as `pandas.DataFrame.to_pickle` writes it, uncompressed.
        required: columns that must be there.

    Raises:
        RegroundError: the file is missing, damaged, not a data frame, lacks a column, or names something that is
            not in `ALLOWED`.
    """
    frame = load(_bytes(path), str(path))
    if not isinstance(frame, Frame):
        raise RegroundError(f"{path}: expected a pickled data frame, found {type(frame).__name__}.")
    index, columns = _columns(frame, path)
    missing = [name for name in required if name not in columns]
    if missing:
        raise RegroundError(
            f"{path}: expected the columns {', '.join(required)}, found {', '.join(columns)}. "
            f"Missing: {', '.join(missing)}."
        )
    return PickledFrame(index, columns)


def read_npy_object(path: Path) -> Any:
    """The object that `numpy.save` pickled at ``path`` (usually a mapping).

    Raises:
        RegroundError: as `read_frame`.
    """
    content = io.BytesIO(_bytes(path))
    try:
        version = np.lib.format.read_magic(content)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(content)
    except ValueError as error:
        raise RegroundError(f"{path}: expected a file of numpy.save, but it cannot be read: {error}") from error
    if shape != () or dtype != np.dtype("O"):
        raise RegroundError(f"{path}: expected one pickled object, found an array of {dtype} {shape}.")
    array = load(content.read(), str(path))
    if not isinstance(array, Array) or array.shape != () or array.dtype != np.dtype("O"):
        raise RegroundError(f"{path}: expected one pickled object, found {type(array).__name__}.")
    return array[()]


def load(content: bytes, location: str) -> Any:
    """The content of a pickle, as stand-ins and plain values.

    Args:
        content: of the pickle.
        location: for messages.

    Raises:
        RegroundError: it is damaged, or names or does something that is not allowed; says what.
    """
    try:
        _check_memo(content)
        return _Unpickler(io.BytesIO(content)).load()
    except RefusedError as error:
        raise RegroundError(
            f"{location}: this pickle was not read: {error}. Only numpy arrays, pandas data frames and counters are "
            "allowed; download the file from its publisher again."
        ) from error
    except Exception as error:  # a damaged pickle may raise anything
        raise RegroundError(
            f"{location}: expected a pickle, but it is damaged ({type(error).__name__}: {error})."
        ) from error


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise RefusedError(f"it asks for {module}.{name}") from None

    def persistent_load(self, pid: Any) -> Any:
        raise RefusedError(f"it asks for something outside the file ({pid!r})")


def _check_memo(content: bytes) -> None:
    """Refuse a memo so sparse that reading it would exhaust the memory."""
    for opcode, argument, _ in pickletools.genops(content):
        if "PUT" in opcode.name and int(argument or 0) > len(content):
            raise RefusedError(f"it wants a memo of {argument:,} places for {len(content):,} bytes")


def _columns(frame: Frame, path: Path) -> tuple[list[Any], dict[str, list[Any]]]:
    try:
        blocks = frame.blocks
        if not isinstance(blocks, Blocks):
            raise RefusedError("the data frame has no blocks")
        return blocks.index(), blocks.columns()
    except (RefusedError, TypeError, ValueError, IndexError, KeyError) as error:
        raise RegroundError(
            f"{path}: expected a data frame of pandas 1 to 3, but its parts do not match: {error}."
        ) from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RegroundError(f"expected a file at {path}: {error.strerror or error}.") from error
