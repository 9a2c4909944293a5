"""List the files below a folder in a fixed order, without opening them; unusable files are included."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from reground.tasks.errors import UsageError
from reground.tasks.images.listed_file import FileProblem, ListedFile, is_hidden, normalize
from reground.tasks.images.object_listing import list_objects
from reground.tasks.schema import DropReason
from reground.tasks.storage import is_url
from reground.tasks.workspace import is_workspace

Identity = tuple[int, int]
"""Device and inode: the same by whatever path a file or folder is reached."""


def list_files(root: str | Path, skip: Collection[str | Path] = ()) -> list[ListedFile]:
    """List every file below a folder of this machine or of an object store, sorted by name.

    Hidden files, system files, other workspaces and what is in ``skip`` are left out.

    Symbolic links are followed. A folder that cannot be listed (no permission, a loop of links) is an
    entry whose name ends in ``/``.

    Raises:
        UsageError: ``root`` is not a folder or cannot be listed.
        RegroundError: the object store cannot be reached, or refuses to answer.
    """
    if is_url(str(root)):
        return list_objects(str(root), [str(one) for one in skip if is_url(str(one))])
    top = Path(root).absolute()  # not resolved, so that links keep their names
    try:
        with os.scandir(top):
            pass
    except (OSError, ValueError) as error:
        raise UsageError(f"expected a folder at {root}, but it cannot be listed: {error}") from error
    skip_ids = {(path.name, _identity(path)) for path in map(Path, skip) if path.exists()}
    return sorted(_walk(top, skip_ids), key=lambda file: (file.name, file.uri))


class PathFinder:
    """Finds files by paths that may spell their names in another Unicode normal form. Lists each folder once."""

    def __init__(self) -> None:
        self._names: dict[Path, dict[str, str]] = {}

    def find(self, path: Path) -> Path:
        """The existing path with the same characters; ``path`` itself if there is none."""
        missing: list[str] = []
        found = path
        while path.is_absolute() and found != found.parent and not _exists(found):
            missing.append(found.name)
            found = found.parent
        for name in reversed(missing):
            found /= self._entries(found).get(normalize(name), name)
        return found

    def _entries(self, folder: Path) -> dict[str, str]:
        if folder not in self._names:
            try:
                self._names[folder] = {normalize(path.name): path.name for path in folder.iterdir()}
            except (OSError, ValueError):
                self._names[folder] = {}
        return self._names[folder]


def stat_file(name: str, path: str) -> ListedFile:
    """The entry of one file.

    Args:
        name: of the entry.
        path: of the file.
    """
    if not _is_unicode(path):
        return ListedFile(
            _as_text(name),
            _as_text(path),
            problem=FileProblem(DropReason.UNREADABLE, "its name is not UTF-8: rename it"),
        )
    name = normalize(name)
    try:
        state = Path(path).stat()
    except (OSError, ValueError) as error:
        return ListedFile(name, path, problem=FileProblem(DropReason.UNREADABLE, _describe(error)))
    if not stat.S_ISREG(state.st_mode):  # reading a pipe could block, reading a device never ends
        return ListedFile(name, path, problem=FileProblem(DropReason.NOT_AN_IMAGE, "not a regular file"))
    return ListedFile(name, path, f"{state.st_size}:{state.st_mtime_ns}", state.st_size)


def _walk(top: Path, skip_ids: Collection[tuple[str, Identity]]) -> Iterator[ListedFile]:
    """The files below a folder, in no order. Folders wait in a list: they may be nested deeper than Python calls."""
    skip_names = {name for name, _ in skip_ids}
    folders: list[tuple[Path, str, tuple[Identity, ...]]] = [(top, "", ())]
    while folders:
        folder, prefix, ancestors = folders.pop()
        try:
            identity = _identity(folder)
            if identity in ancestors:
                yield _unlistable(folder, prefix, "a link to one of its parent folders")
                continue
            if ancestors and is_workspace(folder):
                continue
            with os.scandir(folder) as entries:
                names = [entry.name for entry in entries]
        except OSError as error:
            yield _unlistable(folder, prefix, _describe(error))
            continue
        for name in names:
            path = folder / name
            if is_hidden(name):
                continue
            if name in skip_names and path.exists() and (name, _identity(path)) in skip_ids:
                continue
            if _is_folder(path):
                folders.append((path, f"{prefix}{name}/", (*ancestors, identity)))
            else:
                yield stat_file(prefix + name, str(path))


def _identity(path: Path) -> Identity:
    state = path.stat()
    return state.st_dev, state.st_ino


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # `stat_file` reports the error


def _unlistable(folder: Path, prefix: str, detail: str) -> ListedFile:
    return ListedFile(_as_text(prefix), _as_text(f"{folder}/"), problem=FileProblem(DropReason.UNREADABLE, detail))


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_text(name: str) -> str:
    """A name whose bytes may be no UTF-8, with those as ``\\xff``: tables and digests hold Unicode."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _describe(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
