"""Arrays saved by `numpy.save`. The header is checked against the content before any value is read.

Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from reground.tasks.files.content import PUBLISHED_FACTOR, ContentError, read_bytes

MAX_NPY_BYTES: Final = PUBLISHED_FACTOR * 2_500_000
"""Default limit of a file, and of an array in an archive."""
MAX_DIMENSIONS: Final = 8

_VERSIONS: Final = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    # Version 3 is version 2 in UTF-8, which only the names of fields need.
    (3, 0): np.lib.format.read_array_header_2_0,
}


@dataclass(frozen=True)
class NpyHeader:
    """What a header promises.

    Attributes:
        shape: of the array, at most `MAX_DIMENSIONS` sides.
        fortran: whether the first index varies fastest.
        dtype: of the values.
    """

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"

    @property
    def size(self) -> int:
        """Bytes of the values; exact for any shape."""
        size = self.dtype.itemsize
        for side in self.shape:
            size *= side
        return size


def read_npy_header(stream: IO[bytes]) -> NpyHeader:
    """The header at the start of a stream; the values follow it.

    Raises:
        ContentError: it is not the header of an array.
    """
    try:
        version = np.lib.format.read_magic(stream)
        shape, fortran, dtype = _VERSIONS[version](stream)
    except Exception as error:  # NumPy evaluates the header as Python, which raises exceptions of many types
        raise ContentError(f"not an array saved by numpy: {str(error)[:200] or type(error).__name__}") from error
    if not all(type(side) is int and side >= 0 for side in shape) or len(shape) > MAX_DIMENSIONS:
        raise ContentError(f"an array of the shape {str(shape)[:80]}")
    return NpyHeader(shape, fortran, dtype)


def read_npy(path: Path, max_bytes: int = MAX_NPY_BYTES) -> np.ndarray:
    """The array in an ``.npy`` file; nothing is unpickled.

    Raises:
        OSError: the file cannot be read.
        ContentError: it is larger than ``max_bytes``, or as `parse_npy` raises.
    """
    return parse_npy(read_bytes(path, max_bytes))


def parse_npy(content: bytes) -> np.ndarray:
    """The array in the bytes of an ``.npy`` file; nothing is unpickled.

    Returns:
        An array of numbers, booleans, text or bytes.

    Raises:
        ContentError: it has objects or fields, or is shorter than its header promises.
    """
    stream = io.BytesIO(content)
    header = read_npy_header(stream)
    if header.dtype.kind not in "biufUS" or header.dtype.itemsize == 0:
        raise ContentError(f"an array of {header}: expected numbers, booleans or text, and no pickled objects")
    start = stream.tell()
    if len(content) - start < header.size:
        raise ContentError(f"its header promises {header}, {header.size:,} bytes, but {len(content) - start:,} follow")
    array = np.frombuffer(content, header.dtype, header.size // header.dtype.itemsize, start)
    return array.reshape(header.shape, order="F" if header.fortran else "C")


class NpyStream:
    """An array, read in pieces.

    Args:
        name: of the array, for messages.
        stream: at the start of its header.

    Attributes:
        header: of the array.

    Raises:
        ContentError: the stream does not start with the header of an array.
    """

    def __init__(self, name: str, stream: IO[bytes]) -> None:
        self._problem, self._stream = f"{name}.npy is damaged", stream
        self.header: NpyHeader = read_npy_header(stream)

    def read(self, count: int) -> np.ndarray:
        """The next values, ``(count,)`` in the order they are stored.

        Raises:
            ContentError: they are fewer, or damaged.
        """
        size = count * self.header.dtype.itemsize
        with damage(self._problem):
            content = self._stream.read(size)
        if len(content) != size:
            raise ContentError(f"it ends early: its header promises {self.header}")
        return np.frombuffer(content, self.header.dtype)


@contextlib.contextmanager
def damage(problem: str) -> Iterator[None]:
    """What a damaged archive raises, as `ContentError`."""
    try:
        yield
    except ContentError:
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        raise ContentError(f"{problem}: {error}") from error
    except Exception as error:  # zipfile raises exceptions of a dozen types
        raise ContentError(f"{problem} ({type(error).__name__}: {error})") from error
