"""A Prefect server of one's own, on loopback, with its SQLite database in a given folder."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from reground.flows.run.prefect import QUIET, require_server
from reground.flows.run.prefect_app import HOSTS, LOOPBACK, PARENT
from reground.tasks.errors import RegroundError
from reground.tasks.ports import free_port

HOST = "127.0.0.1"
APP = "reground.flows.run.prefect_app:create_app"
UVICORN = ("--log-level", "warning")
START_SECONDS = 600
"""How long a server may take; the first start makes the database (some 10 s on two cores)."""
STOP_SECONDS = 15
TAIL = 15
"""Lines of the log that an error shows."""


@contextlib.contextmanager
def prefect_server(home: Path, port: int = 0) -> Iterator[str]:
    """Run a server while the block runs; gives its API's address.

    Args:
        home: folder for database, log (``server.log``) and profile, closed to other users; history stays in it.
        port: 0 asks the system for a free one.

    Raises:
        RegroundError: the server did not start; the message ends with the tail of its log.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    port = free_port(HOST, port, "the Prefect server", "--port")
    log = home / "server.log"
    log.touch(mode=0o600)
    read_end, write_end = os.pipe()  # the server ends once the second is closed, if only as this process was killed
    with log.open("ab") as handle:
        server = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "--factory", APP, "--host", HOST, "--port", str(port), *UVICORN],
            env={**_environment(home, port), PARENT: str(read_end)},
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=subprocess.STDOUT,
            pass_fds=[read_end],
            # A group of its own: Ctrl-C in the terminal ends the flow first, then us, then the server.
            start_new_session=True,
            umask=0o077,
        )
    os.close(read_end)
    try:
        _wait(server, f"http://{HOST}:{port}/api", log)
        yield f"http://{HOST}:{port}/api"
    finally:
        stop_group(server)
        os.close(write_end)


def stop_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads its group, and all it started."""
    for ask in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, ask)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)


def _environment(home: Path, port: int) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return {
        **inherited,
        **QUIET,
        "PREFECT_HOME": str(home.resolve()),
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home.resolve()}/prefect.db",
        # Without it the page asks port 4200, whatever the server's own is.
        "PREFECT_SERVER_UI_API_URL": f"http://{HOST}:{port}/api",
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home.resolve() / "ui"),
        # Other sites open in the same browser must not start runs here.
        HOSTS: LOOPBACK,
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://{HOST}:{port}",
    }


def _wait(server: subprocess.Popen[bytes], api_url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(RegroundError):
            require_server(api_url)
            return
        if server.poll() is not None or time.monotonic() > deadline:
            said = "\n".join(log.read_text(errors="replace").splitlines()[-TAIL:])
            how = f"exit status {server.returncode}" if server.returncode is not None else f"{START_SECONDS} s passed"
            raise RegroundError(f"the Prefect server did not start ({how}). The end of {log}:\n{said}")
        time.sleep(0.2)
