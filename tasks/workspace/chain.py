"""The files of the manifest, and the protocol by which many may read while one writes.

A file is never rewritten, and its name never used again::

    manifest/log-GEN-N.XXH.parquet     the entries of one commit
    manifest/merge-GEN-N.XXH.parquet   everything since a snapshot, which it names
    manifest/snap-GEN-N.XXH.parquet    everything

GEN is the generation of whoever held the workspace, N counts within it, XXH is the digest of the file. A merge or a
snapshot lists the files that it took in. The newest of them and the newer logs it has not taken in are the whole
state; logs of an older generation that it has not taken in come from somebody who had lost the workspace, and do not
count. `tests/tasks/workspace/test_chain.py` pauses and kills writers at random between any two operations.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from reground.tasks.errors import RegroundError
from reground.tasks.storage import Storage
from reground.tasks.workspace.entry_rows import SCHEMA, check_counts, check_paths, last_rows, lay_over
from reground.tasks.workspace.prefetch import read_ahead

FOLDER: Final = "manifest"
NAME: Final = re.compile(r"(log|merge|snap)-(\d{8,})-(\d{8,})\.([0-9a-f]{16})\.parquet")
ATTEMPTS: Final = 20


class LostError(RegroundError):
    """Another run has taken the workspace over."""


class DamagedManifestError(RegroundError):
    """A file of the manifest cannot be read.

    Attributes:
        key: of the file.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class FileName(NamedTuple):
    """A file of the manifest, in the order of their writing."""

    generation: int
    number: int
    kind: str
    digest: str

    @property
    def key(self) -> str:
        return f"{FOLDER}/{self.kind}-{self.generation:08d}-{self.number:08d}.{self.digest}.parquet"


class Content(NamedTuple):
    """What a file of the manifest holds: rows, the files it took in, and the snapshot that a merge lies over."""

    rows: pa.Table
    folded: frozenset[str]
    base: str


@dataclass
class State:
    """The manifest at one moment.

    Attributes:
        listed: its files, with size and time.
        head: the newest merge or snapshot, if there is one.
        base: key of the snapshot; empty: none.
        covered: keys of the files that the head took in.
        open: keys of the files since the snapshot: the merge, and the logs.
        snapshot: rows of the snapshot.
        layers: rows of the open files, the oldest first.
    """

    listed: dict[FileName, tuple[int, datetime]] = field(default_factory=dict)
    head: FileName | None = None
    base: str = ""
    covered: frozenset[str] = frozenset()
    open: list[str] = field(default_factory=list)
    snapshot: pa.Table = field(default_factory=SCHEMA.empty_table)
    layers: list[pa.Table] = field(default_factory=list)

    def rows(self) -> pa.Table:
        """The row of every shard that is listed, in no particular order."""
        return lay_over(self.snapshot, last_rows(self.layers))

    @property
    def generation(self) -> int:
        """The newest there is; 0: nothing is there."""
        return max((name.generation for name in self.listed), default=0)


class Chain:
    """The manifest's files in one storage. Keeps what it has read: files never change.

    Args:
        storage: of the workspace.
        hint: command that mends a damaged manifest.
    """

    def __init__(self, storage: Storage, hint: str = "") -> None:
        self.storage, self.hint = storage, hint
        self._contents: dict[FileName, Content] = {}

    def list(self) -> dict[FileName, tuple[int, datetime]]:
        """Every file of the manifest.

        Raises:
            RegroundError: the workspace was made by an earlier version.
        """
        listed: dict[FileName, tuple[int, datetime]] = {}
        for entity in self.storage.list(FOLDER):
            name = entity.key.removeprefix(f"{FOLDER}/")
            if match := NAME.fullmatch(name):
                kind, generation, number, digest = match.groups()
                listed[FileName(int(generation), int(number), kind, digest)] = (entity.size, entity.modified)
            elif "/" in name and name.endswith(".json"):
                raise RegroundError(
                    f"{self.storage.root} was made by an earlier version of reground (it lists its shards in single "
                    "files, like manifest/" + name + "): this version cannot read it. Use a new workspace, or the "
                    "version that made it."
                )
        return listed

    def read(self, before: State | None = None) -> State:
        """The manifest as it is now.

        Args:
            before: result of an earlier call, returned where nothing has changed since.

        Raises:
            DamagedManifestError: a file is damaged.
        """
        for _ in range(ATTEMPTS):
            listed = self.list()
            if before is not None and before.listed.keys() == listed.keys():
                return before
            try:
                return self._state(listed)
            except FileNotFoundError:  # taken in and removed since it was listed
                continue
        raise RegroundError(f"{self.storage.root}/{FOLDER} changes faster than it can be read: try again.")

    def put(self, kind: str, generation: int, number: int, content: Content) -> FileName:
        """Write a file."""
        encoded = self._encode(content)
        name = FileName(generation, number, kind, xxhash.xxh3_64_hexdigest(encoded))
        self.storage.put(name.key, encoded)
        self._contents[name] = content
        return name

    def _state(self, listed: dict[FileName, tuple[int, datetime]]) -> State:
        self._contents = {name: content for name, content in self._contents.items() if name in listed}
        keys = {name.key: name for name in listed}
        head, content = self._head(listed, keys)
        oldest = head.generation if head else 0
        newer = (name for name in listed if name.kind == "log" and name.generation >= oldest)
        logs = sorted(name for name in newer if name.key not in content.folded)
        state = State(listed, head, covered=content.folded)
        if head and head.kind == "snap":
            state.base, state.snapshot = head.key, content.rows
        elif head:
            state.base, state.open, state.layers = content.base, [head.key], [content.rows]
            state.snapshot = self._get(keys[content.base]).rows if content.base else state.snapshot
        state.open += [name.key for name in logs]
        state.layers += [one.rows for one in read_ahead(self.storage, self._get, logs)]
        return state

    def _head(self, listed: Iterable[FileName], keys: dict[str, FileName]) -> tuple[FileName | None, Content]:
        """The newest merge or snapshot; a merge without its snapshot was written too late to count."""
        for name in sorted((name for name in listed if name.kind != "log"), reverse=True):
            content = self._get(name)
            if not content.base or content.base in keys:
                return name, content
        return None, Content(SCHEMA.empty_table(), frozenset(), "")

    def _get(self, name: FileName) -> Content:
        if name not in self._contents:
            self._contents[name] = self._parse(name, self.storage.get(name.key))
        return self._contents[name]

    def _encode(self, content: Content) -> bytes:
        metadata = {"folded": json.dumps(sorted(content.folded)), "base": content.base}
        buffer = io.BytesIO()
        pq.write_table(content.rows.replace_schema_metadata(metadata), buffer, compression="zstd")
        return buffer.getvalue()

    def _parse(self, name: FileName, content: bytes) -> Content:
        if xxhash.xxh3_64_hexdigest(content) != name.digest:
            raise self._damaged(name, "its bytes are not those that were written")
        try:
            rows = pq.read_table(pa.BufferReader(content), read_dictionary=["settings"])
            metadata = rows.schema.metadata or {}
            folded, base = json.loads(metadata[b"folded"]), metadata[b"base"].decode()
            rows = rows.cast(SCHEMA)
            check_paths(rows)
            check_counts(rows)
            return Content(rows, frozenset(map(str, folded)), base)
        except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as error:
            raise self._damaged(name, str(error)) from error

    def _damaged(self, name: FileName, reason: str) -> DamagedManifestError:
        hint = f": run `{self.hint}`, which makes anew what it listed." if self.hint else "."
        return DamagedManifestError(
            name.key, f"a file of the manifest is damaged, {self.storage.root}/{name.key} ({reason}){hint}"
        )
