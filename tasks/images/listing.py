"""List the files below a folder in a fixed order, without opening any; files that cannot be used are listed too."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reground.tasks.errors import UsageError
from reground.tasks.schema import DropReason

_SYSTEM: Final = frozenset({"thumbs.db", "desktop.ini", "__macosx", "$recycle.bin", "icon\r"})

Identity = tuple[int, int]
"""Device and inode: the same however a file or folder was reached."""


@dataclass(frozen=True)
class FileProblem:
    """A file or folder that cannot be used: why, as a reason of the ``dropped`` table, and in words."""

    reason: DropReason
    detail: str


@dataclass(frozen=True)
class ListedFile:
    """A file, or a folder that cannot be listed, before any look inside.

    Attributes:
        name: path below the listed folder, with ``/`` between.
        uri: absolute path.
        stamp: changes whenever the file does: its size in bytes and time of change.
        size: in bytes.
        problem: what is known to be wrong with it already, if anything.
    """

    name: str
    uri: str
    stamp: str = ""
    size: int = 0
    problem: FileProblem | None = None

    @property
    def stem(self) -> str:
        """Its name without folders and suffix."""
        return Path(self.name).stem

    @property
    def is_folder(self) -> bool:
        return self.name.endswith("/")


def list_files(root: Path, skip: Collection[Path] = ()) -> list[ListedFile]:
    """Every file below ``root``, by name; hidden files, system files and those in ``skip`` are passed over.

    Links are followed. A folder that cannot be listed (no permission, a loop of links) is a
    row of its own, its name ending in ``/``.

    Raises:
        UsageError: ``root`` itself is no folder or cannot be listed.
    """
    top = root.absolute()  # not resolved: links keep the names the user sees
    try:
        with os.scandir(top):
            pass
    except (OSError, ValueError) as error:
        raise UsageError(f"expected a folder at {root}, but it cannot be listed: {error}") from error
    skipped = {(path.name, _identity(path)) for path in skip if path.exists()}
    return sorted(_below(top, "", (), skipped), key=lambda found: found.name)


def stat_file(name: str, path: str) -> ListedFile:
    """One file, by its path."""
    try:
        path.encode()
    except UnicodeEncodeError:
        shown = path.encode(errors="surrogateescape").decode(errors="backslashreplace")
        return ListedFile(
            name.encode(errors="surrogateescape").decode(errors="backslashreplace"),
            shown,
            problem=FileProblem(DropReason.UNREADABLE, "its name is not UTF-8: rename it"),
        )
    try:
        state = Path(path).stat()
    except (OSError, ValueError) as error:
        return ListedFile(name, path, problem=FileProblem(DropReason.UNREADABLE, _words(error)))
    if not stat.S_ISREG(state.st_mode):  # a pipe would block for ever, a device never end
        return ListedFile(name, path, problem=FileProblem(DropReason.NOT_AN_IMAGE, "not a regular file"))
    return ListedFile(name, path, f"{state.st_size}:{state.st_mtime_ns}", state.st_size)


def _below(
    folder: Path, prefix: str, above: tuple[Identity, ...], skipped: Collection[tuple[str, Identity]]
) -> Iterator[ListedFile]:
    try:
        identity = _identity(folder)
        if identity in above:
            yield _closed(folder, prefix, "a link to a folder it lies in")
            return
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError as error:
        yield _closed(folder, prefix, _words(error))
        return
    skipped_names = {name for name, _ in skipped}
    for name in names:
        path = folder / name
        if name.startswith(".") or name.lower() in _SYSTEM:
            continue
        if name in skipped_names and path.exists() and (name, _identity(path)) in skipped:
            continue
        if _is_folder(path):
            yield from _below(path, f"{prefix}{name}/", (*above, identity), skipped)
        else:
            yield stat_file(prefix + name, str(path))


def _identity(path: Path) -> Identity:
    state = path.stat()
    return state.st_dev, state.st_ino


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # `stat_file` says why


def _closed(folder: Path, prefix: str, detail: str) -> ListedFile:
    return ListedFile(prefix, f"{folder}/", problem=FileProblem(DropReason.UNREADABLE, detail))


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
