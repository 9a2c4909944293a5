"""One manifest in this process: who reads it sees the newest state, who holds the workspace adds to it."""

# pyright: reportAttributeAccessIssue=false
# pyarrow registers its compute functions when it is imported.

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks.errors import RegroundError
from reground.tasks.storage import Storage
from reground.tasks.workspace.chain import FOLDER, Chain, State
from reground.tasks.workspace.chain_writer import GRACE, Writer
from reground.tasks.workspace.entry_rows import dead_rows, to_rows
from reground.tasks.workspace.lock import is_unread
from reground.tasks.workspace.manifest import Entry
from reground.tasks.workspace.snapshot import Snapshot

GROUP_SECONDS: Final = 1.0
GROUP_ENTRIES: Final = 500
"""Entries are listed together: at the latest after so many seconds, or when there are so many."""


class Manifest:
    """The manifest of one root, shared by all that open it in this process. Threads may share it.

    Args:
        storage: of the workspace.
        hint: command that mends a damaged manifest.
    """

    def __init__(self, storage: Storage, hint: str = "") -> None:
        self.storage = storage
        self.chain = Chain(storage, hint)
        self._mutex = threading.RLock()
        self._session = threading.Lock()
        self._state: State | None = None
        self._snapshot: Snapshot | None = None
        self._writer: Writer | None = None
        self._waiting: list[Entry] = []
        self._timer: threading.Timer | None = None
        self._failure: BaseException | None = None
        self._taken_off: set[str] = set()
        self._is_certain = True

    @property
    def is_held(self) -> bool:
        """Whether this process holds the workspace."""
        return self._writer is not None

    def current(self) -> Snapshot:
        """The newest state. Whoever holds the workspace knows it; everybody else lists the files."""
        with self._mutex:
            self.flush()
            state = self._writer.state if self._writer else self.chain.read(self._state)
            if self._snapshot is None or state is not self._state:
                self._snapshot, self._state = Snapshot(state.rows(), not state.listed), state
            return self._snapshot

    def newest_generation(self) -> int:
        """Of whoever has written to the manifest; 0: nobody."""
        with self._mutex:
            return self.chain.read(self._state).generation

    @contextlib.contextmanager
    def writing(
        self, generation: int | None = None, check: Callable[[], None] = lambda: None, wait: bool = True
    ) -> Iterator[None]:
        """Add to the manifest, for as long as the lock is held.

        Args:
            generation: of the lock; None: one more than the largest listed.
            check: raises where the lock was lost; called before each write.
            wait: for another thread of this process that does.

        Raises:
            RegroundError: another thread does, and ``wait`` is false.
        """
        if not self._session.acquire(blocking=wait):
            raise RegroundError(f"{self.storage.root} is held by this process: wait for it to end.")
        try:
            before = self._begin(generation, check)
            try:
                yield
            finally:
                self._end(before)
        finally:
            self._session.release()

    def add(self, entries: Sequence[Entry]) -> bool:
        """List entries, at the latest a second later. False: this process does not hold the workspace; nothing is done.

        Raises:
            RegroundError: they cannot be written, or those added before could not.
        """
        with self._mutex:
            if self._writer is None:
                return False
            self._check()
            self._waiting += entries
            if self._failure is not None or len(self._waiting) >= GROUP_ENTRIES:
                self.flush()
            elif self._waiting and self._timer is None:
                self._timer = threading.Timer(GROUP_SECONDS, self._flush_later)
                self._timer.daemon = True
                self._timer.start()
            return True

    def take_off(self, step: str, shards: Sequence[str]) -> bool:
        """Take shards off. False: this process does not hold the workspace; nothing is done."""
        with self._mutex:
            if self._writer is None:
                return False
            self._check()
            self.flush()
            if shards:
                files = self.current().files_of(step)
                names = set(shards)
                self._taken_off |= {path for shard, path, _ in files if shard in names}
                self._commit(dead_rows(step, shards))
            return True

    def flush(self) -> None:
        """List now what was added."""
        with self._mutex:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            if self._waiting:
                waiting, self._waiting = self._waiting, []
                self._commit(to_rows(waiting))

    def sweep(self) -> int:
        """Remove files that nothing lists; the workspace is held. Returns how many.

        A reader may still hold an older state. On this machine readers are known, and nothing is removed while there
        are any; in an object store nothing is removed unless the manifest has not changed for as long as a command
        may read.
        """
        with self._mutex:
            listed = self.current().paths()
            if not self._may_remove():
                return 0
            keys = [entity.key for entity in self.storage.list("tables")]
            stray = [key for key in keys if key not in listed]
            self.storage.delete(stray)
            return len(stray) + sum(self.storage.sweep(folder) for folder in ("tables", FOLDER, "files"))

    def _commit(self, rows: pa.Table) -> None:
        assert self._writer is not None, "the workspace is not held"
        self._snapshot = None
        try:
            self._writer.commit(rows)
        except BaseException:  # the file may be there all the same: nothing is listed or removed any more
            self._is_certain = False
            raise

    def _check(self) -> None:
        """Raises:
        RegroundError: the manifest could not be written before, and nobody knows what it lists.
        """
        if self._failure is None and not self._is_certain:
            raise RegroundError(
                f"the manifest of {self.storage.root} could not be written: everything listed before is kept; run the "
                "same command again."
            )

    def _flush_later(self) -> None:
        with self._mutex:
            self._timer = None
            if self._writer is not None:
                try:
                    self.flush()
                except BaseException as error:  # raised to whoever adds next
                    self._failure = error

    def _begin(self, generation: int | None, check: Callable[[], None]) -> Snapshot:
        with self._mutex:
            state = self.chain.read()
            self._writer = Writer(self.chain, state, generation, check, self._is_unread)
            self._snapshot = self._state = self._failure = None
            if not self.storage.is_local:  # whoever held the lock before may still be at work
                self._writer.take()
            return self.current()

    def _end(self, before: Snapshot) -> None:
        with self._mutex:
            try:
                if not self._is_certain and self._failure is None:
                    self._waiting.clear()
                    return
                self.flush()
                assert self._writer is not None, "the workspace is not held"
                if not self.storage.is_local:  # who reads next makes a request for each open file
                    self._writer.tidy()
                after = self.current()
                if after is not before:
                    self._remove_replaced(before, after)
            finally:
                self._writer = self._snapshot = self._state = None
                self._taken_off.clear()
                self._is_certain = True

    def _remove_replaced(self, before: Snapshot, after: Snapshot) -> None:
        """Also files that were both listed and taken off in between."""
        if self.storage.is_local and self._may_remove():
            paths = pa.concat_arrays([before.part_paths(), pa.array(sorted(self._taken_off), pa.string())])
            gone = paths.filter(pc.invert(pc.is_in(paths, value_set=after.part_paths())))
            self.storage.delete(gone.to_pylist())

    def _may_remove(self) -> bool:
        if not self._is_certain:
            return False
        if self.storage.is_local:
            return self._is_unread()
        last = max((modified for _, modified in self.chain.list().values()), default=datetime.now(UTC))
        return datetime.now(UTC) - last > GRACE

    def _is_unread(self) -> bool:
        folder = self.storage.local_path(FOLDER)
        return folder is not None and is_unread(folder)


_open: weakref.WeakValueDictionary[str, Manifest] = weakref.WeakValueDictionary()
_recent: deque[Manifest] = deque(maxlen=2)
"""Kept although nobody uses them: a worker opens its workspace again for each batch."""
_mutex = threading.Lock()


def manifest_of(storage: Storage, hint: str = "") -> Manifest:
    """The manifest of a storage; one for all in this process."""
    place = str(Path(storage.root).resolve()) if storage.is_local else storage.root
    with _mutex:
        manifest = _open.get(place)
        if manifest is None:
            manifest = _open[place] = Manifest(storage, hint)
            _recent.append(manifest)
        return manifest


def _forget() -> None:
    """A forked process holds nothing, and shares no mutex with its parent."""
    global _mutex
    _mutex = threading.Lock()
    _open.clear()
    _recent.clear()


os.register_at_fork(after_in_child=_forget)
