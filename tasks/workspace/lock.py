"""A lock on a folder that a killed holder frees, and that says who holds it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from reground.tasks import console
from reground.tasks.errors import RegroundError

MOMENT: Final = 1.0
"""Seconds that a holder is waited for without a word: what lists one shard is done sooner."""


@contextlib.contextmanager
def hold(path: Path, command: str, wait: bool, keep: bool = True) -> Iterator[None]:
    """Hold the file ``path`` against other processes on this machine.

    Args:
        path: made if missing.
        command: what others are told holds it.
        wait: for another holder to end.
        keep: the file afterwards.

    Raises:
        RegroundError: with ``wait`` false, somebody else holds it; says who.
    """
    with _open(path, wait) as handle:
        handle.truncate(0)
        handle.write(f"`{command}` (process {os.getpid()} on {socket.gethostname()})")
        handle.flush()
        try:
            yield
        finally:
            handle.truncate(0)
            if not keep:
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Let writers on this machine know that somebody reads what lies in a folder; nothing is written for that."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            stack.enter_context(_flocked(folder, fcntl.LOCK_SH))
        yield


def is_unread(folder: Path) -> bool:
    """Whether nobody on this machine is `reading` a folder."""
    try:
        with _flocked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
            return True
    except FileNotFoundError:
        return True
    except OSError:
        return False


@contextlib.contextmanager
def _flocked(folder: Path, kind: int) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, kind)
        yield
    finally:
        os.close(handle)


def _open(path: Path, wait: bool) -> IO[str]:
    """The locked file. A holder may remove the file, or the folder, while others wait: they open the new one."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as opened, contextlib.suppress(FileNotFoundError):
            handle = opened.enter_context(path.open("a+"))
            _take(handle.fileno(), path, wait)
            if os.path.samestat(os.fstat(handle.fileno()), path.stat()):
                opened.pop_all()
                return handle


def _take(handle: int, path: Path, wait: bool) -> None:
    try:
        _try(handle, MOMENT if wait else 0)
    except BlockingIOError:
        holder = path.read_text().strip() or "another run"
        if not wait:
            raise RegroundError(f"{path.parent} is held by {holder}: wait for it to end.") from None
        console.write(f"waiting for {path.parent}, held by {holder}", sys.stderr)
        fcntl.flock(handle, fcntl.LOCK_EX)


def _try(handle: int, seconds: float) -> None:
    """Raises:
    BlockingIOError: somebody holds it for longer than some seconds.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise
        time.sleep(0.01)
