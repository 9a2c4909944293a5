"""A lock on a folder that a killed holder frees, and that says who holds it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from reground.tasks.errors import RegroundError


@contextlib.contextmanager
def hold(path: Path, command: str, wait: bool) -> Iterator[None]:
    """Hold the file ``path`` against other processes on this machine.

    Args:
        path: made if missing.
        command: what others are told holds it.
        wait: for another holder to end.

    Raises:
        RegroundError: with ``wait`` false, somebody else holds it; says who.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as handle:
        _take(handle.fileno(), path, wait)
        handle.truncate(0)
        handle.write(f"`{command}` (process {os.getpid()} on {socket.gethostname()})")
        handle.flush()
        yield
        handle.truncate(0)


def _take(handle: int, path: Path, wait: bool) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = path.read_text().strip() or "another run"
        if not wait:
            raise RegroundError(f"{path.parent} is held by {holder}: wait for it to end.") from None
        print(f"waiting for {path.parent}, held by {holder}", file=sys.stderr, flush=True)
        fcntl.flock(handle, fcntl.LOCK_EX)
