"""From the text a user gives to a storage."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from reground.tasks.errors import UsageError
from reground.tasks.storage.folder import Folder
from reground.tasks.storage.interface import Storage

SCHEMES: Final = ("s3", "gs", "az", "memory")
"""Of object stores. ``memory`` lasts as long as the process."""


def open_storage(url: str | Path) -> Storage:
    """The storage at a folder or URL. Writes nothing, and asks the store nothing.

    Args:
        url: folder, ``file://`` URL, or ``s3://BUCKET/PREFIX`` (``gs://``, ``az://``).

    Raises:
        UsageError: it is empty, has another scheme, leads to a file, or needs a package that is not installed.
    """
    text = str(url)
    if not text.strip():
        raise UsageError("expected a folder or the URL of an object store, got an empty text.")
    scheme, separator, _ = text.partition("://")
    if isinstance(url, Path) or not separator:
        return Folder(text, Path(text))
    if scheme == "file":
        return Folder(text, Path(unquote(urlsplit(text).path)))
    if scheme not in SCHEMES:
        raise UsageError(
            f"cannot open {text}: expected a folder, or a URL that begins with one of: "
            f"{', '.join(f'{one}://' for one in ('file', *SCHEMES))}."
        )
    from reground.tasks.storage.objects import ObjectStore

    return ObjectStore(text)


def check_key(key: str) -> str:
    """The key itself, if it stays below the root of any storage.

    Raises:
        ValueError: it is empty, absolute, has ``..`` or other than plain parts, or characters that no file name has.

    Examples:
        >>> check_key("tables/images/0001.parquet")
        'tables/images/0001.parquet'
        >>> check_key("tables/../../mail")
        Traceback (most recent call last):
            ...
        ValueError: expected a path below the root, got 'tables/../../mail'
    """
    if any(part in ("", ".", "..") for part in key.split("/")) or not key.isprintable() or "\\" in key:
        raise ValueError(f"expected a path below the root, got {key!r}")
    return key
