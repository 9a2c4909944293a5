"""A folder of this machine: a put is a temporary file, flushed to the disk, then renamed.

Many at once are all written, then flushed, then renamed: the first flush takes most of the others along.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import os
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.storage.interface import ConflictError, Entity, Storage

PARTIAL: Final = ".tmp"
"""How the names of unfinished files end."""
OPEN_FILES: Final = 100
"""Written together at most."""


class Folder(Storage):
    """Files below a folder.

    Args:
        url: as the user gave it.
        folder: need not be there yet.

    Raises:
        UsageError: it is a file, or would lie below one.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.is_local = url, True
        self._folder = Path(os.path.abspath(folder))  # noqa: PTH100  # `Path.absolute` keeps `..`
        self.root = str(self._folder)
        nearest = next((path for path in (self._folder, *self._folder.parents) if path.exists()), None)
        if nearest is not None and not nearest.is_dir():
            raise UsageError(f"expected a folder, got {self._folder}: {nearest} is a file.")

    def get(self, key: str) -> bytes:
        with self._reading(key):
            return self._path(key).read_bytes()

    def get_range(self, key: str, start: int, length: int) -> bytes:
        with self._reading(key), self._path(key).open("rb") as handle:
            handle.seek(start)
            return handle.read(length)

    def get_tagged(self, key: str) -> tuple[bytes, str]:
        content = self.get(key)
        return content, _tag(content)

    def put(self, key: str, content: bytes, private: bool = False) -> None:
        self._write({self._path(key): content}, private)

    def put_all(self, contents: Mapping[str, bytes]) -> None:
        items = iter(contents.items())
        while group := dict(itertools.islice(items, OPEN_FILES)):
            self._write({self._path(key): content for key, content in group.items()})

    def create(self, key: str, content: bytes) -> str:
        with self._exclusive(key):
            if self.exists(key) and self.get(key) != content:
                raise ConflictError(f"{self._path(key)} exists already")
            self.put(key, content)
        return _tag(content)

    def replace(self, key: str, content: bytes, tag: str) -> str:
        with self._exclusive(key):
            current = self.get(key) if self.exists(key) else None
            if current is None or (_tag(current) != tag and current != content):
                raise ConflictError(f"{self._path(key)} has changed")
            self.put(key, content)
        return _tag(content)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            path = self._path(key)
            try:
                self._refuse_links(path)
                path.unlink(missing_ok=True)
            except NotADirectoryError:
                continue
            except OSError as error:
                raise RegroundError(f"cannot remove {path}: {error.strerror or error}.") from error

    def list(self, prefix: str = "") -> list[Entity]:
        files = (path for path in self._files(prefix) if not path.name.endswith(PARTIAL))
        return sorted(self._entities(files), key=lambda entity: entity.key)

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def local_path(self, key: str) -> Path | None:
        return self._path(key)

    def sweep(self, prefix: str) -> int:
        partial = [path for path in self._files(prefix) if path.name.endswith(PARTIAL)]
        for path in partial:
            path.unlink(missing_ok=True)
        return len(partial)

    def _path(self, key: str) -> Path:
        return self._folder / key

    @contextlib.contextmanager
    def _reading(self, key: str) -> Iterator[None]:
        try:
            yield
        except NotADirectoryError as error:
            raise FileNotFoundError(str(self._path(key))) from error
        except FileNotFoundError:
            raise
        except OSError as error:
            raise RegroundError(f"cannot read {self._path(key)}: {error.strerror or error}.") from error

    def _refuse_links(self, path: Path) -> None:
        """A folder that came from somebody else may hold links; nothing outside it is written or removed.

        Raises:
            RegroundError: the path leads out of the root.
        """
        if self._leads_out(path.parent):
            raise RegroundError(
                f"{path} leads out of {self._folder} through a link, to "
                f"{os.path.realpath(path.parent)}: remove the link."
            )

    def _leads_out(self, folder: Path) -> bool:
        root = os.path.realpath(self._folder)
        return os.path.commonpath([os.path.realpath(folder), root]) != root

    def _write(self, contents: Mapping[Path, bytes], private: bool = False) -> None:
        samples = {path.parent: path for path in contents}
        temporaries = {path: _temporary(path) for path in contents}
        path = self._folder
        try:
            with contextlib.ExitStack() as handles:
                for folder, path in samples.items():
                    self._refuse_links(path)
                    _make_folder(folder)
                files: list[IO[bytes]] = []
                for path, content in contents.items():
                    files.append(handles.enter_context(_create(temporaries[path], private)))
                    files[-1].write(content)
                    files[-1].flush()
                for file in files:
                    os.fsync(file.fileno())
            for path, temporary in temporaries.items():
                temporary.rename(path)
            for folder in samples:
                _flush_folder(folder)
        except OSError as error:
            for temporary in temporaries.values():
                temporary.unlink(missing_ok=True)
            raise RegroundError(
                f"cannot write {path} ({len(contents[path]):,} bytes): {error.strerror or error}. "
                "Everything already listed in the manifest is kept; make room or fix the "
                "permissions, then run the same command again."
            ) from error

    @contextlib.contextmanager
    def _exclusive(self, key: str) -> Iterator[None]:
        """Against other conditional puts on this machine."""
        path = self._path(key)
        _make_folder(path.parent)
        with (path.parent / f".{path.name}.exclusive{PARTIAL}").open("a") as handle:
            fcntl.flock(handle.fileno(), fcntl.LOCK_EX)
            yield

    def _files(self, prefix: str) -> Iterator[Path]:
        top = self._path(prefix)
        for folder, _, names in () if self._leads_out(top) else os.walk(top):
            yield from (Path(folder, name) for name in names)

    def _entities(self, paths: Iterable[Path]) -> Iterator[Entity]:
        for path in paths:
            with contextlib.suppress(FileNotFoundError):  # removed since it was listed
                stat = path.stat()
                modified = datetime.fromtimestamp(stat.st_mtime, UTC)
                yield Entity(path.relative_to(self._folder).as_posix(), stat.st_size, modified)


def _tag(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _make_folder(folder: Path) -> None:
    """Make a folder that outlasts a loss of power, as what is written in it does."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        _flush_folder(path.parent)


def _temporary(path: Path) -> Path:
    return path.parent / f".{path.name}.{os.getpid()}-{threading.get_ident()}-{uuid.uuid4().hex[:6]}{PARTIAL}"


def _create(path: Path, private: bool) -> IO[bytes]:
    mode = 0o600 if private else 0o666  # less the process's umask
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb")


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
