"""Where a workspace lies: a folder, or the URL of an object store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from reground.tasks.errors import UsageError


@dataclass(frozen=True)
class Location:
    """A root that files lie below.

    Attributes:
        fs: file system of the root.
        root: path in the file system, without a slash at the end.
        is_local: whether it is a folder of this machine.
    """

    fs: Any
    root: str
    is_local: bool


def locate(url: str) -> Location:
    """Open the file system of a workspace. Writes nothing.

    Args:
        url: folder, or URL of an object store.

    Raises:
        UsageError: it is empty, names no store that can be opened, or leads to a file.
    """
    if not url.strip():
        raise UsageError("expected a folder or the URL of an object store as the workspace, got an empty text.")
    try:
        fs, root = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise UsageError(f"cannot open a workspace at {url}: {error}.") from error
    is_local = "file" in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,))
    if is_local:
        _check_folder(Path(root))
    return Location(fs, root.rstrip("/"), is_local)


def is_workspace(folder: Path) -> bool:
    """Whether a local folder holds a workspace."""
    has_tables = (folder / "manifest").is_dir() and (folder / "tables").is_dir()
    return has_tables or ((folder / "lock").is_file() and (folder / "settings.json").is_file())


def _check_folder(folder: Path) -> None:
    """Raises:
    UsageError: the folder is a file, or would lie below one.
    """
    nearest = next((path for path in (folder, *folder.parents) if path.exists()), None)
    if nearest is not None and not nearest.is_dir():
        raise UsageError(f"expected a folder as the workspace, got {folder}: {nearest} is a file.")
