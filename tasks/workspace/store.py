"""A workspace at a folder or an object-store URL: atomic writes, the manifest, resume.

Layout below the workspace's root::

    manifest/KIND-GEN-N.XXH.parquet           what steps made of shards, and from what (``Entry``); see `chain`
    tables/TABLE/STEP-SHARD.KEY.XXH.parquet   rows; a file is named after the key it was made under, and its footer
    files/...                                 whatever else a step makes (the report)
    lock                                      who holds the workspace

Only what the manifest lists exists: a file is written whole, and listed after that. A kill at any moment leaves at
most files that nothing lists, which ``sweep`` removes.
"""

from __future__ import annotations

import contextlib
import posixpath
import shlex
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from reground.tasks import schema
from reground.tasks.errors import RegroundError
from reground.tasks.schema import concat_parts
from reground.tasks.storage import open_storage
from reground.tasks.workspace.chain import FOLDER
from reground.tasks.workspace.entry_rows import check_path
from reground.tasks.workspace.lease import Lease
from reground.tasks.workspace.lock import hold, reading
from reground.tasks.workspace.manifest import Entry, Output, Part
from reground.tasks.workspace.output_files import lacking, write_output
from reground.tasks.workspace.prefetch import read_ahead
from reground.tasks.workspace.session import manifest_of
from reground.tasks.workspace.snapshot import Snapshot
from reground.tasks.workspace.table_file import DamagedFileError, decode

if TYPE_CHECKING:
    import pandas as pd  # half of what a command takes to start; Arrow loads it for the first table

ATTEMPTS: Final = 20
"""Of a reader beside a writer that replaces what it reads."""


class Workspace:
    """Tables and files below one root.

    Every question is answered by the newest state of the manifest; `snapshot` keeps one state for many questions.
    Whoever holds the `lock` adds to it; a single `commit` takes the lock for itself.

    Args:
        url: folder, or URL of an object store.

    Raises:
        UsageError: it is empty, names no store that can be opened, or leads to a file.
    """

    def __init__(self, url: str | Path) -> None:
        self.url = str(url)
        self.storage = open_storage(url)
        self.root, self.is_local = self.storage.root, self.storage.is_local
        self._manifest = manifest_of(self.storage, f"reground repair -w {self.shell_url}")
        self._pinned: Snapshot | None = None

    def snapshot(self) -> Workspace:
        """The workspace as it is now: whatever others write meanwhile, every question is answered by this state."""
        frozen = type(self)(self.url)
        with contextlib.ExitStack() as stack:
            if self.is_local and not self._manifest.is_held:
                stack.enter_context(reading(Path(self.path(FOLDER))))
            frozen._pinned = self._state
            weakref.finalize(frozen, stack.pop_all().close)
        return frozen

    @property
    def _state(self) -> Snapshot:
        return self._pinned or self._manifest.current()

    @property
    def shell_url(self) -> str:
        """The url as a word of a shell command: quoted if need be."""
        return shlex.quote(self.url)

    def __repr__(self) -> str:
        return f"Workspace({self.url!r})"

    # Files

    def path(self, *parts: str) -> str:
        """The full path of something below the root."""
        return posixpath.join(self.root, *parts)

    def write_bytes(self, relative: str, content: bytes, private: bool = False) -> None:
        """Write a whole file or nothing.

        Args:
            relative: path below the root.
            content: all of it.
            private: in a folder, closed to other users of this machine.

        Raises:
            RegroundError: the disk is full or the folder may not be written to.
        """
        self.storage.put(relative, content, private)

    def read_bytes(self, relative: str) -> bytes:
        """Raises:
        FileNotFoundError: there is no such file.
        """
        return self.storage.get(relative)

    def exists(self) -> bool:
        """Whether anything was ever made here."""
        return not self._state.is_empty

    # The manifest

    def commit(
        self, step: str, shard: str, key: str, output: Output, settings: Mapping[str, Any] | None = None
    ) -> Entry:
        """Write a shard's output, then list it. Replaces what the shard had before."""
        entry = self.write(step, shard, key, output, settings)
        self.add([entry])
        self._manifest.flush()
        return entry

    def write(
        self, step: str, shard: str, key: str, output: Output, settings: Mapping[str, Any] | None = None
    ) -> Entry:
        """Write a shard's output. Nothing lists it before `add`."""
        return write_output(self.storage, step, shard, key, output, settings or {})

    def add(self, entries: Sequence[Entry]) -> None:
        """List what was written; with the lock held at the latest a second later, together with others."""
        if entries and not self._manifest.add(entries):
            with self.lock("reground"):
                self._manifest.add(entries)

    def flush(self) -> None:
        """List now what was added, for readers elsewhere."""
        self._manifest.flush()

    @property
    def is_held(self) -> bool:
        """Whether this process holds the lock."""
        return self._manifest.is_held

    def entry(self, step: str, shard: str) -> Entry | None:
        """What the manifest says of a shard, if anything."""
        return self._state.entry(step, shard)

    def entries(self, step: str | None = None) -> list[Entry]:
        """The manifest's entries, of one step or of all, by step and shard."""
        return self._state.entries(step)

    def keys(self, step: str) -> dict[str, str]:
        """Shard -> the key that it was made under."""
        return self._state.keys(step)

    def steps(self) -> list[str]:
        """Names of the steps that have made something."""
        return self._state.steps()

    def settings_of(self, step: str) -> Mapping[str, Any]:
        """The settings that the step's shards were last made with; empty: it made none, or not with one set of them."""
        return self._state.settings_of(step)

    def lacking(self, step: str) -> set[str]:
        """Shards that are listed, but one of their files is gone or of another size."""
        return lacking(self.storage, self._state.files_of(step))

    def retire(self, step: str, keep: Collection[str]) -> None:
        """Take every shard of ``step`` but those in ``keep`` off the manifest."""
        self._take_off(step, [shard for shard in self.keys(step) if shard not in keep])

    def discard(self, step: str, shard: str) -> None:
        """Take one shard off the manifest, if it is there."""
        self._take_off(step, [shard] if shard in self.keys(step) else [])

    def sweep(self) -> int:
        """Remove the files that nothing lists (a killed run leaves some). Returns how many."""
        if self._manifest.is_held:
            return self._manifest.sweep()
        with self.lock("reground"):
            return self._manifest.sweep()

    # Tables

    def tables(self) -> list[str]:
        """Names of the tables that have rows or had a chance to."""
        return self._state.tables()

    def count(self, table: str) -> int:
        """Rows of a table; 0 if nobody made it."""
        return self._state.count(table)

    def parts(self, table: str) -> list[tuple[Entry, Part]]:
        """The files of a table in a fixed order, each with the entry that lists it."""
        return self._state.parts(table)

    def read(self, table: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """A whole table, ordered by its key; empty, with its columns, if nobody made it yet."""
        whole = self.read_arrow(table, columns)
        key = [name for name in schema.table(table).key if name in whole.column_names]
        frame = whole.to_pandas()
        return frame.sort_values(key, kind="stable", ignore_index=True) if key else frame

    def read_arrow(self, table: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A whole table as Arrow, in the order of its parts; empty, with its columns, if nobody made it yet."""
        names = schema.table(table).names() if columns is None else columns
        for _ in range(ATTEMPTS):
            parts = self.parts(table)
            paths = (part.path for _, part in parts if part.rows)
            try:
                whole = read_ahead(self.storage, lambda path: decode(self.storage, path, names), paths)
                return concat_parts(table, names, whole)
            except DamagedFileError as error:
                if self.parts(table) == parts:  # and not replaced since it was listed
                    raise self._damaged(error.path, error) from error
        raise RegroundError(f"the table '{table}' in {self.url} changes faster than it can be read: try again.")

    def scan(self, table: str, columns: Sequence[str] | None = None) -> Iterator[tuple[Entry, pa.Table]]:
        """The files of a table that have rows, in order, each with the entry that lists it.

        Raises:
            RegroundError: a file is missing or damaged.
        """
        parts = [(entry, part) for entry, part in self.parts(table) if part.rows]
        rows = read_ahead(self.storage, lambda path: self.read_part(path, columns), (part.path for _, part in parts))
        return ((entry, one) for (entry, _), one in zip(parts, rows, strict=True))

    def read_part(self, path: str, columns: Sequence[str] | None = None) -> pa.Table:
        """One file of a table, by the path its part lists.

        Raises:
            RegroundError: the file is missing or damaged.
        """
        try:
            return decode(self.storage, check_path(path), columns)
        except (DamagedFileError, ValueError) as error:
            raise self._damaged(path, error) from error

    def table_digest(self, table: str) -> str:
        """Changes whenever a row of the table may have changed."""
        return self._state.digest(table)

    def require(self, table: str, command: str) -> None:
        """Raises:
        RegroundError: nobody made ``table`` yet; the message names the command that does.
        """
        if table not in self.tables():
            raise RegroundError(
                f"expected the table '{table}' in {self.url}, found none: run "
                f"`reground {command} -w {self.shell_url}` first."
            )

    # The lock

    @contextlib.contextmanager
    def lock(self, command: str, wait: bool = True) -> Iterator[None]:
        """Hold the workspace against other runs: in a folder against those on this machine, in an object store all.

        A killed holder frees a folder at once, an object store after half a minute.

        Raises:
            RegroundError: with ``wait`` false, somebody else holds it; says who.
        """
        with contextlib.ExitStack() as stack:
            if self.is_local:
                stack.enter_context(hold(Path(self.path("lock")), command, wait))
                stack.enter_context(self._manifest.writing(wait=wait))
            else:
                lease = Lease(self.storage, command)
                stack.enter_context(lease.hold(wait, self._manifest.newest_generation))
                stack.enter_context(self._manifest.writing(lease.generation, lease.check, wait))
            yield

    @contextlib.contextmanager
    def hold(self, command: str) -> Iterator[None]:
        """As `lock`, unless this process holds it already: what is listed in between costs one small file each time."""
        with contextlib.nullcontext() if self.is_held else self.lock(command):
            yield

    # Private

    def _take_off(self, step: str, shards: Sequence[str]) -> None:
        if shards and not self._manifest.take_off(step, shards):
            with self.lock("reground"):
                self._manifest.take_off(step, shards)

    def _damaged(self, path: str, reason: Exception) -> RegroundError:
        return RegroundError(
            f"the manifest lists {self.path(path)}, but it cannot be read: {str(reason).rstrip('.')}. "
            f"`reground repair -w {self.shell_url}` takes it off; then run the step again that made it."
        )
