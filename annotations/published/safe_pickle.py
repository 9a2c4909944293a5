"""Pickles of arrays, frames and counters, read without running anything that they ask for.

A pickle is a program: it may call whatever it can name. This reader knows the names in
`ADMITTED` and answers each with a stand-in of its own that can only hold data, so neither pandas
nor any other package is handed what the file brings, and nothing outside the file changes. Every
other name is refused. Reads the frames of pandas 1 to 3.
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

ADMITTED: Final[Mapping[tuple[str, str], Callable[..., Any]]] = STAND_INS
"""(module, name) -> what stands in for it."""


@dataclass(frozen=True)
class Columns:
    """A frame: its index and its columns, all of one length."""

    index: Sequence[Any]
    columns: Mapping[str, Sequence[Any]]


def read_frame(path: Path, required: Sequence[str]) -> Columns:
    """The frame pickled at ``path``.

    Args:
        path: as `pandas.DataFrame.to_pickle` writes it, uncompressed.
        required: columns that must be there.

    Raises:
        RegroundError: no such file, damaged, no frame, a column missing, or it names what is
            not in `ADMITTED`.
    """
    frame = load(_bytes(path), str(path))
    if not isinstance(frame, Frame):
        raise RegroundError(f"{path}: expected a pickled frame, found {type(frame).__name__}.")
    index, columns = _columns(frame, path)
    missing = [name for name in required if name not in columns]
    if missing:
        raise RegroundError(
            f"{path}: expected the columns {', '.join(required)}, found {', '.join(columns)}. "
            f"Missing: {', '.join(missing)}."
        )
    return Columns(index, columns)


def read_npy_object(path: Path) -> Any:
    """The one object that `numpy.save` pickled at ``path`` (a mapping, mostly).

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
    held = load(content.read(), str(path))
    if not isinstance(held, Array) or held.shape != () or held.dtype != np.dtype("O"):
        raise RegroundError(f"{path}: expected one pickled object, found {type(held).__name__}.")
    return held[()]


def load(content: bytes, where: str) -> Any:
    """What a pickle holds, as stand-ins and plain values.

    Raises:
        RegroundError: damaged, or it names or does what is not admitted; says what.
    """
    try:
        _check_marks(content)
        return _Unpickler(io.BytesIO(content)).load()
    except RefusedError as error:
        raise RegroundError(
            f"{where}: this pickle was not read: {error}. Only numpy's arrays, pandas' frames and counters are "
            "admitted; take the file from its publisher again."
        ) from error
    except Exception as error:  # a damaged pickle raises anything at all
        raise RegroundError(
            f"{where}: expected a pickle, but it is damaged ({type(error).__name__}: {error})."
        ) from error


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return ADMITTED[module, name]
        except KeyError:
            raise RefusedError(f"it asks for {module}.{name}") from None

    def persistent_load(self, pid: Any) -> Any:
        raise RefusedError(f"it asks for something outside the file ({pid!r})")


def _check_marks(content: bytes) -> None:
    """Refuse a memo so sparse that reading it would fill the memory."""
    for opcode, argument, _ in pickletools.genops(content):
        if "PUT" in opcode.name and int(argument or 0) > len(content):
            raise RefusedError(f"it wants a memo of {argument:,} places for {len(content):,} bytes")


def _columns(frame: Frame, path: Path) -> tuple[list[Any], dict[str, list[Any]]]:
    try:
        blocks = frame.blocks
        if not isinstance(blocks, Blocks):
            raise RefusedError("the frame holds no blocks")
        return blocks.index(), blocks.columns()
    except (RefusedError, TypeError, ValueError, IndexError, KeyError) as error:
        raise RegroundError(f"{path}: expected a frame of pandas 1 to 3, but its parts do not fit: {error}.") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RegroundError(f"expected a file at {path}: {error.strerror or error}.") from error
