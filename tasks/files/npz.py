"""Archives saved by `numpy.savez`. What a member inflates to is bounded, whatever the archive says of it."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import numpy as np

from reground.tasks.files.content import PUBLISHED_FACTOR, ContentError
from reground.tasks.files.npy import MAX_NPY_BYTES, NpyStream, damage, parse_npy

MAX_NPZ_BYTES: Final = PUBLISHED_FACTOR * 2_500_000
"""Default limit of an archive on disk; the largest published (raters.npz of reassessed-imagenet) has 2.5 MB."""

_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Those of NumPy; others can ask for gigabytes of working memory."""


class Npz:
    """An ``.npz`` file, open for reading; nothing is unpickled.

    Args:
        path: of the file.
        max_bytes: largest size on disk.

    Raises:
        OSError: the file cannot be read.
        ContentError: it is larger than ``max_bytes``, or not an archive.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_NPZ_BYTES) -> None:
        if path.stat().st_size > max_bytes:
            raise ContentError(f"over {max_bytes:,} bytes, the limit for such an archive")
        with damage("it is not an archive of arrays"):
            self._archive = zipfile.ZipFile(path)

    def __enter__(self) -> Npz:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arrays, in the order of the archive."""
        return tuple(info.filename.removesuffix(".npy") for info in self._archive.infolist())

    def read(self, name: str, max_bytes: int = MAX_NPY_BYTES) -> np.ndarray:
        """A whole array.

        Raises:
            ContentError: there is none of that name, it inflates to more than ``max_bytes``, or it is damaged.
        """
        with self._open(name) as stream, damage(f"{name}.npy is damaged"):
            content = stream.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise ContentError(f"{name} has over {max_bytes:,} bytes, the limit for it")
        return parse_npy(content)

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[NpyStream]:
        """An array to read in pieces.

        Raises:
            ContentError: there is none of that name, or it is damaged.
        """
        with self._open(name) as stream:
            with damage(f"{name}.npy is damaged"):
                array = NpyStream(name, stream)
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
        with damage(f"{name}.npy is damaged"):
            stream = self._archive.open(member)
        with stream:
            yield stream
