"""Safe reading of pickles with arrays, data frames and counters.

Nothing in a pickle is run: `pickle_tree` reads it as a tree, and what a data frame or an array is made of is taken
from the tree. Memory and time are bounded by constants. Reads the data frames of pandas 1 to 3.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reground.annotations.published.pickle_frame import read_columns
from reground.annotations.published.pickle_tree import MAX_BYTES, Call, RefusedError, parse
from reground.annotations.published.pickle_values import Decoder
from reground.tasks.errors import RegroundError
from reground.tasks.files import ContentError, read_bytes, read_npy_header


@dataclass(frozen=True)
class PickledFrame:
    """The index and the required columns of a data frame, all of one length; cells are plain Python values."""

    index: Sequence[Any]
    columns: Mapping[str, Sequence[Any]]


def read_frame(path: Path, required: Sequence[str]) -> PickledFrame:
    """The data frame pickled at ``path``.

    Args:
        path: as `pandas.DataFrame.to_pickle` writes it, uncompressed.
        required: columns to read.

    Raises:
        RegroundError: the file is missing, too large, damaged, not a data frame, lacks a column, or has something
            other than arrays, data frames and counters.
    """
    with _errors(str(path)):
        index, columns = read_columns(Decoder(), parse(_bytes(path)), required)
    missing = [name for name in required if name not in columns]
    if missing:
        raise RegroundError(
            f"{path}: expected the columns {', '.join(required)}. Missing: {', '.join(missing)}. Download the file "
            "from its publisher again."
        )
    return PickledFrame(index, columns)


def read_npy_object(path: Path) -> Any:
    """The object that `numpy.save` pickled at ``path`` (usually a mapping), as plain Python values.

    Raises:
        RegroundError: as `read_frame`.
    """
    content = io.BytesIO(_bytes(path))
    try:
        header = read_npy_header(content)
    except ContentError as error:
        raise RegroundError(f"{path}: expected a file of numpy.save, but it cannot be read: {error}") from error
    if header.shape != () or header.dtype != np.dtype("O"):
        raise RegroundError(f"{path}: expected one pickled object, found an array of {header}.")
    with _errors(str(path)):
        tree = parse(content.read())
        if not isinstance(tree, Call) or not tree.name.endswith("._reconstruct"):
            raise RefusedError("it is not an array")
        return Decoder().plain(tree)


def load(content: bytes, location: str) -> Any:
    """The value in a pickle, as plain Python values; an array is a list.

    Args:
        content: of the pickle.
        location: for messages.

    Raises:
        RegroundError: as `read_frame`; says what.
    """
    with _errors(location):
        return Decoder().plain(parse(content))


@contextlib.contextmanager
def _errors(location: str) -> Iterator[None]:
    """Errors for people to read."""
    try:
        yield
    except RegroundError:
        raise
    except RefusedError as error:
        raise RegroundError(
            f"{location}: this pickle was not read: {error}. Only numpy arrays, pandas data frames and counters are "
            "allowed; download the file from its publisher again."
        ) from error
    except Exception as error:  # a damaged tree may lead to any exception
        detail = str(error)[:200] or "no detail"
        raise RegroundError(
            f"{location}: expected a pickle of numpy or pandas, but it is damaged ({type(error).__name__}: {detail}). "
            "Download the file from its publisher again."
        ) from error


def _bytes(path: Path) -> bytes:
    try:
        return read_bytes(path, MAX_BYTES)
    except OSError as error:
        raise RegroundError(f"expected a file at {path}: {error.strerror or error}.") from error
    except ContentError as error:
        raise RegroundError(f"{path}: {error}. Download the file from its publisher again.") from error
