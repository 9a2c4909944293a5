"""A lock in an object store: one object, written only if it is still the one that was read, that expires.

Its holder writes it again and again (a beat). Who waits measures by their own clock how long it stays as it is, so no
clocks are compared; after `EXPIRY` the holder counts as gone. A holder that was paused for longer may wake up, so each
holder has a generation of its own, and what an older one writes to the manifest does not count
(`reground.tasks.workspace.chain`). The object stays when the lock is free: generations must go on growing.

Source: Gray and Cheriton 1989, Leases (https://doi.org/10.1145/74850.74870).
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from reground.tasks import console
from reground.tasks.errors import RegroundError
from reground.tasks.files import ContentError, parse_json
from reground.tasks.storage import ConflictError, Storage
from reground.tasks.workspace.chain import LostError
from reground.tasks.workspace.lock import MOMENT

KEY: Final = "lock"
EXPIRY: Final = 30.0
"""Seconds without a beat after which a holder counts as gone."""
MAX_EXPIRY: Final = 600.0
"""Nobody waits longer than that for one without a beat, whatever the object says."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Document:
    """What the object says.

    Attributes:
        holder: command, process and machine.
        generation: of the holder; grows by every taking.
        expiry: as `EXPIRY`, of this holder.
        free: whether the holder has ended.
        beat: unique for each writing.
    """

    holder: str
    generation: int
    expiry: float
    free: bool = False
    beat: str = ""

    def encode(self) -> bytes:
        """The content of the object, another one each time."""
        return json.dumps(dataclasses.asdict(dataclasses.replace(self, beat=uuid.uuid4().hex))).encode()

    @classmethod
    def decode(cls, content: bytes) -> Document:
        """Of what `encode` gives; of anything else a holder that nobody knows, who expires like others."""
        try:
            values = parse_json(content)
            expiry = min(float(values["expiry"]), MAX_EXPIRY)
            return cls(str(values["holder"]), int(values["generation"]), expiry, bool(values["free"]))
        except (ContentError, ValueError, TypeError, KeyError, OverflowError):
            return cls("another run", 0, EXPIRY)


class Lease:
    """The lock on one storage, held by one command. Its beats come from a thread.

    Args:
        storage: to lock.
        command: what others are told holds it.
    """

    def __init__(self, storage: Storage, command: str) -> None:
        self.storage = storage
        self._document = Document(f"`{command}` (process {os.getpid()} on {socket.gethostname()})", 0, EXPIRY)
        self._tag, self._beaten = "", 0.0
        self._mutex, self._end = threading.Lock(), threading.Event()

    @property
    def generation(self) -> int:
        """Of this holder."""
        return self._document.generation

    @contextlib.contextmanager
    def hold(self, wait: bool, newest: Callable[[], int]) -> Iterator[None]:
        """Take the lock, and free it afterwards.

        Args:
            wait: for another holder to end.
            newest: the largest generation there is elsewhere; this one will be larger.

        Raises:
            RegroundError: with ``wait`` false, somebody else holds it; says who.
        """
        self._acquire(wait, newest)
        beats = threading.Thread(target=self._beat_until_end, daemon=True)
        beats.start()
        try:
            yield
        finally:
            self._end.set()
            beats.join()
            with contextlib.suppress(ConflictError, RegroundError):  # it expires by itself
                self._renew(dataclasses.replace(self._document, free=True))

    def check(self) -> None:
        """Make sure that the lock is still held.

        Raises:
            LostError: somebody else has taken it: this process, or its connection, was paused for too long.
        """
        if time.monotonic() - self._beaten > self._document.expiry * 2 / 3:
            self._beat()

    def _acquire(self, wait: bool, newest: Callable[[], int]) -> None:
        since = began = time.monotonic()
        seen, is_waiting = "", False
        while True:
            document, tag = self._read()
            now = time.monotonic()
            if tag != seen:
                seen, since = tag, now
            if document is None or document.free or now - since > document.expiry:
                if self._take(document, tag, newest):
                    return
                continue
            if not wait:
                raise RegroundError(
                    f"{self.storage.root} is held by {document.holder}: wait for it to end. One that was killed frees "
                    f"it after {document.expiry:.0f} seconds."
                )
            if not is_waiting and now - began >= MOMENT:
                is_waiting = True
                console.write(f"waiting for {self.storage.root}, held by {document.holder}", sys.stderr)
            time.sleep(min(1.0, document.expiry / 10))

    def _take(self, document: Document | None, tag: str, newest: Callable[[], int]) -> bool:
        """False: somebody else was faster."""
        generation = max(document.generation if document else 0, newest()) + 1
        self._document = dataclasses.replace(self._document, generation=generation)
        try:
            self._put(self._document, None if document is None else tag)
        except ConflictError:
            return False
        self._probe()
        return True

    def _probe(self) -> None:
        """A store that ignores conditions writes the object again, which does no harm, and says nothing."""
        try:
            self._tag = self.storage.create(KEY, self._document.encode())
        except ConflictError:
            return
        log.warning(
            "%s ignores conditional writes: two runs at once do not notice each other. Run one at a time.",
            self.storage.root,
        )

    def _read(self) -> tuple[Document | None, str]:
        try:
            content, tag = self.storage.get_tagged(KEY)
        except FileNotFoundError:
            return None, ""
        return Document.decode(content), tag

    def _put(self, document: Document, over: str | None) -> None:
        """Write the object over the one of a tag; None: there is none."""
        began, content = time.monotonic(), document.encode()
        self._tag = self.storage.create(KEY, content) if over is None else self.storage.replace(KEY, content, over)
        self._beaten = began  # the clock before the write: a waiter counts from later on

    def _renew(self, document: Document) -> None:
        with self._mutex:
            self._put(document, self._tag)

    def _beat(self) -> None:
        try:
            self._renew(self._document)
        except ConflictError as error:
            raise LostError(
                f"another run has taken {self.storage.root} over, because this one was paused or cut off for more than "
                f"{self._document.expiry:.0f} seconds: everything listed before is kept; run the same command again "
                "once the other has ended."
            ) from error

    def _beat_until_end(self) -> None:
        while not self._end.wait(self._document.expiry / 3):
            try:
                self._beat()
            except LostError:
                return  # `check` says so
            except RegroundError as error:
                log.info("no beat of the lock on %s: %s", self.storage.root, error)
