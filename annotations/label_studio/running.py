"""The Label Studio that was started on a folder, as other processes find it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from reground.annotations.label_studio.credentials import Credentials, read_credentials
from reground.tasks.errors import RegroundError

_STATE: Final = "running.json"


@dataclass(frozen=True)
class LabelStudioServer:
    """A running Label Studio.

    Attributes:
        url: of its page.
        data_dir: folder with its database, log and credentials.
        credentials: of its owner.
        pid: of its process, the leader of a process group: ``kill -- -PID`` stops it.
    """

    url: str
    data_dir: Path
    credentials: Credentials
    pid: int


def find_server(data_dir: Path) -> LabelStudioServer | None:
    """The Label Studio that was started on ``data_dir`` and has not ended; it may be starting, or busy.

    Raises:
        RegroundError: it was started before the folder was moved, and does not find its files any more.
    """
    credentials = read_credentials(data_dir)
    try:
        state = json.loads((data_dir / _STATE).read_text())
        start_time, started_in = psutil.Process(state["pid"]).create_time(), Path(state["data_dir"])
    except (FileNotFoundError, ValueError, KeyError, psutil.NoSuchProcess):
        return None
    is_other = abs(start_time - state["start_time"]) > 1  # another process has the pid now
    if credentials is None or is_other or not is_alive(state["pid"]):
        return None
    if started_in == data_dir.resolve():
        return LabelStudioServer(state["url"], data_dir, credentials, state["pid"])
    if started_in.exists():  # this folder is a copy: the server is the other's
        return None
    raise RegroundError(
        f"Label Studio (process {state['pid']}) was started when {data_dir} was {started_in}, and does not find its "
        f"database and images any more: stop it with `kill -- -{state['pid']}`, then run `reground review serve` again."
    )


def write_state(server: LabelStudioServer) -> None:
    """Note that a server was started, for every process that looks for it."""
    state = {
        "pid": server.pid,
        "start_time": psutil.Process(server.pid).create_time(),
        "url": server.url,
        "data_dir": str(server.data_dir.resolve()),
    }
    (server.data_dir / _STATE).write_text(json.dumps(state))


def clear_state(data_dir: Path) -> None:
    """Note that the server has ended."""
    (data_dir / _STATE).unlink(missing_ok=True)


def is_alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
