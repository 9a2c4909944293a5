"""Archives saved by `numpy.savez`. What a member inflates to is bounded, whatever the archive says of it."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import numpy as np

from reground.tasks.files.content import PUBLISHED_FACTOR, ContentError
from reground.tasks.files.npy import MAX_NPY_BYTES, NpyHeader, parse_npy, read_npy_header

MAX_NPZ_BYTES: Final = PUBLISHED_FACTOR * 2_500_000
"""Limit of an archive on disk; the largest published (raters.npz of reassessed-imagenet) has 2.5 MB."""

_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Those of NumPy; others can ask for gigabytes of working memory."""


class NpzArray:
    """An array of an archive, read in pieces.

    Attributes:
        header: of the array.
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
        with _damage(self._problem):
            content = self._stream.read(size)
        if len(content) != size:
            raise ContentError(f"it ends early: its header promises {self.header}")
        return np.frombuffer(content, self.header.dtype)


class Npz:
    """An ``.npz`` file, open for reading; nothing is unpickled.

    Raises:
        OSError: the file cannot be read.
        ContentError: it is larger than `MAX_NPZ_BYTES`, or not an archive.
    """

    def __init__(self, path: Path) -> None:
        if path.stat().st_size > MAX_NPZ_BYTES:
            raise ContentError(f"over {MAX_NPZ_BYTES:,} bytes, the limit for such an archive")
        with _damage("it is not an archive of arrays"):
            self._archive = zipfile.ZipFile(path)

    def __enter__(self) -> Npz:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def read(self, name: str, max_bytes: int = MAX_NPY_BYTES) -> np.ndarray:
        """A whole array.

        Raises:
            ContentError: there is none of that name, it inflates to more than ``max_bytes``, or it is damaged.
        """
        with self._open(name) as stream, _damage(f"{name}.npy is damaged"):
            content = stream.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise ContentError(f"{name} has over {max_bytes:,} bytes, the limit for it")
        return parse_npy(content)

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[NpzArray]:
        """An array to read in pieces.

        Raises:
            ContentError: there is none of that name, or it is damaged.
        """
        with self._open(name) as stream:
            with _damage(f"{name}.npy is damaged"):
                array = NpzArray(name, stream)
            yield array

    @contextlib.contextmanager
    def _open(self, name: str) -> Iterator[IO[bytes]]:
        try:
            member = self._archive.getinfo(f"{name}.npy")
        except KeyError:
            names = [info.filename[:40] for info in self._archive.infolist()[:8]]
            raise ContentError(f"expected an array {name}.npy in it, found {', '.join(names) or 'none'}") from None
        if member.compress_type not in _METHODS:
            raise ContentError(f"{name}.npy is compressed by the method {member.compress_type}, not as numpy does")
        with _damage(f"{name}.npy is damaged"):
            stream = self._archive.open(member)
        with stream:
            yield stream


@contextlib.contextmanager
def _damage(problem: str) -> Iterator[None]:
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
