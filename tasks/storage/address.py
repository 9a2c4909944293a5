"""One file by its full address: a path of this machine, or the URL of an object, ``s3://BUCKET/KEY``.

A key stands in its URL as it is, without percent encoding. The client of a bucket is opened once in a process and
shared by all threads.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reground.tasks.errors import UsageError
from reground.tasks.storage.interface import Entity
from reground.tasks.storage.location import SCHEMES

if TYPE_CHECKING:
    from reground.tasks.storage.objects import ObjectStore

CREDENTIALS: Final = ("AWS_", "AZURE_", "GOOGLE_")
"""What the names of the variables begin with that say where a store is and who asks."""


def is_url(address: str) -> bool:
    """Whether an address names an object or a folder of objects.

    Examples:
        >>> is_url("s3://bucket/val"), is_url("/data/val"), is_url("s3:/val")
        (True, False, False)
    """
    return address.partition("://")[0] in SCHEMES and "://" in address


def read_uri(uri: str, max_bytes: int | None = None) -> bytes:
    """The content of a file or an object.

    Args:
        uri: full path, or URL.
        max_bytes: no more is read; None: all.

    Raises:
        OSError: there is none, or the file cannot be read.
        RegroundError: the store cannot be reached, or refuses to answer.
    """
    if not is_url(uri):
        if max_bytes is None:
            return Path(uri).read_bytes()
        with Path(uri).open("rb") as handle:
            return handle.read(max_bytes)
    store, key = _find(uri)
    try:
        return store.get(key) if max_bytes is None else store.get_range(key, 0, max_bytes)
    except FileNotFoundError as error:
        raise _missing(uri) from error


def stat_url(url: str) -> Entity:
    """Size and tag of one object, by its key in the bucket.

    Raises:
        FileNotFoundError: there is none.
        RegroundError: the store cannot be reached, or refuses to answer.
    """
    store, key = _find(url)
    try:
        return store.head(key)
    except FileNotFoundError as error:
        raise _missing(url) from error


def scan_url(url: str) -> Iterator[Entity]:
    """The objects below a folder, by their keys relative to it; none where there is no such folder.

    They come in the order of the store, and are asked for a thousand at a time.

    Raises:
        UsageError: the URL names no bucket, or the package for object stores is missing.
        RegroundError: there is no such bucket, it cannot be reached, or it refuses to answer.
    """
    bucket, folder = _split(url.rstrip("/"))
    below = f"{folder}/" if folder else ""
    for entity in _open(bucket, _environment()).scan(folder):
        if entity.key.startswith(below):
            yield Entity(entity.key.removeprefix(below), entity.size, entity.modified, entity.tag)


@contextlib.contextmanager
def local_copy(uri: str) -> Iterator[Path]:
    """A file of this machine with the content of a file or an object, for readers that need one.

    Messages of a `UsageError` raised meanwhile name the URL, not the copy.

    Raises:
        OSError: there is no such object.
        RegroundError: the store cannot be reached, or refuses to answer.
    """
    if not is_url(uri):
        yield Path(uri)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, uri.rpartition("/")[2])
        copy.write_bytes(read_uri(uri))
        try:
            yield copy
        except UsageError as error:
            raise UsageError(str(error).replace(str(copy), uri)) from error


def _find(url: str) -> tuple[ObjectStore, str]:
    bucket, key = _split(url)
    if not key:
        raise UsageError(f"expected the URL of an object, got {url}, which names a bucket alone.")
    return _open(bucket, _environment()), key


def _split(url: str) -> tuple[str, str]:
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    return f"{scheme}://{bucket}", key


def _environment() -> tuple[tuple[str, str], ...]:
    return tuple(item for item in os.environ.items() if item[0].startswith(CREDENTIALS))


@functools.lru_cache(maxsize=32)
def _open(bucket: str, environment: tuple[tuple[str, str], ...]) -> ObjectStore:
    """The client of a bucket; another one once the environment has other credentials or another endpoint."""
    from reground.tasks.storage.objects import ObjectStore

    return ObjectStore(bucket)


def _missing(url: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), url)
