"""A workspace at a folder or an object-store URL: atomic writes, the manifest, resume.

Layout below the workspace's root::

    manifest/STEP/SHARD.json             what a step made of a shard, and from what (``Entry``)
    tables/TABLE/SHARD.KEY.parquet       rows; a file is named after the key it was made under
    files/...                            whatever else a step makes (the report)
    lock                                 who holds the workspace

Only what the manifest lists exists: a file is written whole, under a temporary name, then
renamed, and the manifest entry comes last. A kill at any moment leaves at most files nobody
lists, which ``sweep`` removes. On an object store a single put takes the place of the rename.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import posixpath
import shlex
import threading
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from reground.tasks import schema
from reground.tasks.errors import RegroundError
from reground.tasks.schema import Rows, concat_parts, to_arrow
from reground.tasks.workspace.location import locate
from reground.tasks.workspace.lock import hold
from reground.tasks.workspace.manifest import Entry, Output, Part, digest, entry_path, file_paths, parse_entry

if TYPE_CHECKING:
    import pandas as pd  # half of what a command takes to start; Arrow loads it for the first table


class Workspace:
    """Tables and files below one root. Threads and processes may commit at the same time.

    Args:
        url: folder, or URL of an object store.

    Raises:
        UsageError: it is empty, names no store that can be opened, or leads to a file.
    """

    def __init__(self, url: str | Path) -> None:
        self.url = str(url)
        location = locate(self.url)
        self.fs, self.root, self.is_local = location.fs, location.root, location.is_local

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

    def write_bytes(self, relative: str, content: bytes) -> None:
        """Write a whole file or nothing.

        Raises:
            RegroundError: the disk is full or the folder may not be written to.
        """
        target = self.path(relative)
        try:
            if self.is_local:
                _write_atomically(Path(target), content)
            else:
                self.fs.pipe_file(target, content)
        except OSError as error:
            raise RegroundError(
                f"cannot write {target} ({len(content):,} bytes): {error.strerror or error}. "
                "Everything already listed in the manifest is kept; make room or fix the "
                "permissions, then run the same command again."
            ) from error

    def read_bytes(self, relative: str) -> bytes:
        return self.fs.cat_file(self.path(relative))

    def exists(self) -> bool:
        return bool(self.fs.exists(self.path("manifest")))

    # The manifest

    def commit(
        self, step: str, shard: str, key: str, output: Output, settings: Mapping[str, Any] | None = None
    ) -> Entry:
        """Write a shard's output, then list it. Replaces what the shard had before."""
        before = self.entry(step, shard)
        tables = {name: self._write_table(name, f"{step}-{shard}", key, rows) for name, rows in output.tables.items()}
        files = {path: self._write_file(path, content) for path, content in output.files.items()}
        entry = Entry(step, shard, key, tables, files, settings or {})
        self.write_bytes(entry_path(step, shard), json.dumps(asdict(entry), sort_keys=True, indent=1).encode())
        if before is not None:
            self._remove(file_paths(before) - file_paths(entry))
        return entry

    def entry(self, step: str, shard: str) -> Entry | None:
        """What the manifest says of a shard, if anything."""
        return self._entry_at(self.path(entry_path(step, shard)))

    def entries(self, step: str | None = None) -> list[Entry]:
        """The manifest's entries, of one step or of all, by step and shard."""
        try:
            found = self.fs.find(self.path("manifest", step) if step else self.path("manifest"))
        except FileNotFoundError:
            return []
        paths = sorted(path for path in found if path.endswith(".json"))
        return [entry for path in paths if (entry := self._entry_at(path)) is not None]

    def settings_of(self, step: str) -> Mapping[str, Any]:
        """The settings that the step's shards were last made with; empty: it made none, or not with one set of them."""
        entries = self.entries(step)
        return entries[0].settings if entries and all(e.settings == entries[0].settings for e in entries) else {}

    def retire(self, step: str, keep: Collection[str]) -> None:
        """Take every shard of ``step`` but those in ``keep`` off the manifest."""
        for entry in self.entries(step):
            if entry.shard not in keep:
                self._take_off(entry)

    def discard(self, step: str, shard: str) -> None:
        """Take one shard off the manifest, if it is there."""
        if entry := self.entry(step, shard):
            self._take_off(entry)

    def sweep(self) -> int:
        """Remove the files that nothing lists (a killed run leaves some). Returns how many."""
        listed = {self.path(path) for entry in self.entries() for path in file_paths(entry)}
        stray = set(self._find("tables")) - listed
        stray |= {path for folder in ("manifest", "files") for path in self._find(folder) if _is_temporary(path)}
        for path in stray:
            self.fs.rm_file(path)
        return len(stray)

    # Tables

    def tables(self) -> list[str]:
        """Names of the tables that have rows or had a chance to."""
        return sorted({name for entry in self.entries() for name in entry.tables})

    def parts(self, table: str) -> list[tuple[Entry, Part]]:
        """The files of a table in a fixed order, each with the entry that lists it."""
        schema.table(table)
        return [(entry, entry.tables[table]) for entry in self.entries() if table in entry.tables]

    def read(self, table: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """A whole table, ordered by its key; empty, with its columns, if nobody made it yet."""
        whole = self.read_arrow(table, columns)
        key = [name for name in schema.table(table).key if name in whole.column_names]
        frame = whole.to_pandas()
        return frame.sort_values(key, kind="stable", ignore_index=True) if key else frame

    def read_arrow(self, table: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A whole table as Arrow, in the order of its parts; empty, with its columns, if nobody made it yet."""
        names = schema.table(table).names() if columns is None else columns
        return concat_parts(table, names, (self.read_part(part.path, names) for _, part in self.parts(table)))

    def read_part(self, path: str, columns: Sequence[str] | None = None) -> pa.Table:
        """One file of a table, by the path its part lists.

        Raises:
            RegroundError: the file is missing or damaged.
        """
        try:
            if columns:  # of a part full of pictures only these columns are fetched
                with self.fs.open(self.path(path), "rb") as handle:
                    # `pq.read_table` reads in threads of Arrow's that may let go of the handle only while
                    # the interpreter ends, and then abort the process; `ParquetFile` reads in this thread.
                    return pq.ParquetFile(handle, pre_buffer=False).read(list(columns), use_threads=False)
            return pq.read_table(pa.BufferReader(self.read_bytes(path)))
        except (FileNotFoundError, pa.ArrowInvalid) as error:
            raise RegroundError(
                f"the manifest lists {self.path(path)}, but it cannot be read: "
                f"{error}. Remove the folder {self.path('manifest')}/STEP of the step that made it, "
                "and run that step again."
            ) from error

    def table_digest(self, table: str) -> str:
        """Changes whenever a row of the table may have changed."""
        return digest(table, *(part.sha256 for _, part in self.parts(table)))

    def require(self, table: str, command: str) -> None:
        """Raises:
        RegroundError: nobody made ``table`` yet; the message names the command that does.
        """
        if not self.parts(table):
            raise RegroundError(
                f"expected the table '{table}' in {self.url}, found none: run "
                f"`reground {command} -w {self.shell_url}` first."
            )

    # The lock

    @contextlib.contextmanager
    def lock(self, command: str, wait: bool = True) -> Iterator[None]:
        """Hold the workspace against other runs on this machine; a killed holder frees it.

        Object stores have no lock: there, let one scheduler run one thing at a time.

        Raises:
            RegroundError: with ``wait`` false, somebody else holds it; says who.
        """
        if self.is_local:
            with hold(Path(self.path("lock")), command, wait):
                yield
        else:
            yield

    # Private

    def _entry_at(self, path: str) -> Entry | None:
        """None: it is not there, or was taken off since it was listed."""
        try:
            return parse_entry(self.fs.cat_file(path))
        except FileNotFoundError:
            return None

    def _take_off(self, entry: Entry) -> None:
        self._remove({entry_path(entry.step, entry.shard)})
        self._remove(file_paths(entry))

    def _write_table(self, name: str, shard: str, key: str, rows: Rows) -> Part:
        buffer = io.BytesIO()
        pq.write_table(to_arrow(name, rows), buffer, compression="zstd")
        content = buffer.getvalue()
        path = f"tables/{name}/{shard}.{key[:12]}.parquet"
        self.write_bytes(path, content)
        return Part(path, len(rows), hashlib.sha256(content).hexdigest())

    def _write_file(self, path: str, content: bytes) -> Part:
        self.write_bytes(f"files/{path}", content)
        return Part(f"files/{path}", 0, hashlib.sha256(content).hexdigest())

    def _find(self, folder: str) -> list[str]:
        return self.fs.find(self.path(folder)) if self.fs.exists(self.path(folder)) else []

    def _remove(self, paths: Collection[str]) -> None:
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                self.fs.rm_file(self.path(path))


def _write_atomically(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".{target.name}.{os.getpid()}-{threading.get_ident()}-{uuid.uuid4().hex[:6]}.tmp"
    try:
        with temporary.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.rename(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _is_temporary(path: str) -> bool:
    return path.endswith(".tmp")
