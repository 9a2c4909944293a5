"""A Label Studio server on this machine: find, start with safe settings, check, stop.

It listens on 127.0.0.1 only, sends no telemetry, lets nobody sign up without an invitation, and serves no
file outside one folder. Label Studio has an environment of its own (``make label-studio``), because its
requirements conflict with those of Prefect.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import psutil

from reground.annotations.label_studio.credentials import CREDENTIALS, Credentials, create_credentials, read_credentials
from reground.annotations.label_studio.running import (
    LabelStudioServer,
    clear_state,
    find_server,
    is_alive,
    write_state,
)
from reground.tasks import console
from reground.tasks.errors import RegroundError
from reground.tasks.ports import free_port

HOST: Final = "127.0.0.1"
STARTUP_TIMEOUT = 900.0
"""Seconds; a first start migrates an empty database (30 s on two cores)."""
EXECUTABLE_VARIABLE: Final = "REGROUND_LABEL_STUDIO"
_PROJECT = Path(__file__).resolve().parents[2]
_LOG, _DATABASE = "label-studio.log", "label_studio.sqlite3"


def find_executable() -> Path:
    """Label Studio's command: from ``REGROUND_LABEL_STUDIO``, in the project's folder, or on the PATH.

    Raises:
        RegroundError: there is none.
    """
    default = _PROJECT / ".venv-label-studio" / "bin" / "label-studio"
    for candidate in (os.environ.get(EXECUTABLE_VARIABLE), default, shutil.which("label-studio")):
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    raise RegroundError(
        f"expected Label Studio's command in {EXECUTABLE_VARIABLE}, at {default} or on the PATH, found none: "
        "run `make label-studio`, which installs it into an environment of its own."
    )


@contextlib.contextmanager
def run_server(data_dir: Path, port: int, document_root: Path) -> Iterator[LabelStudioServer]:
    """Run Label Studio as a child process for the length of a ``with`` block.

    Accounts, tasks and annotations stay in the data folder. A server that already runs on it (from another
    terminal, or left over from a killed run) is reused, and left running.

    Args:
        data_dir: everything it stores; created, closed to other users, if missing.
        port: to listen on; 0: any free one.
        document_root: the folder whose files every annotator can see; images lie in its subfolders.

    Raises:
        RegroundError: not installed, the port is taken, or it did not start.
    """
    existing = find_server(data_dir)
    if existing is not None:
        _wait_until_ready(existing)
        yield existing
        return
    executable = find_executable()
    # Label Studio itself would silently take another one.
    port = free_port(HOST, port, "Label Studio", "review.port")
    credentials = _prepare(data_dir, document_root)
    process = _spawn(executable, data_dir, port, document_root, credentials)
    server = LabelStudioServer(f"http://{HOST}:{port}", data_dir, credentials, process.pid)
    try:
        write_state(server)
        _wait_until_ready(server)
        yield server
    finally:
        _stop(process)
        clear_state(data_dir)


def serve_forever(
    data_dir: Path, port: int, document_root: Path, on_ready: Callable[[LabelStudioServer], None] = lambda _: None
) -> None:
    """As `run_server`, until interrupted or terminated; prints how to log in once it answers.

    Args:
        data_dir: as for `run_server`.
        port: as for `run_server`.
        document_root: as for `run_server`.
        on_ready: called once it answers, before the line that says so.

    Raises:
        RegroundError: as `run_server`; a server already runs on ``data_dir``; or it exited by itself.
    """
    existing = find_server(data_dir)
    if existing is not None:
        raise RegroundError(
            f"Label Studio already runs on {data_dir}: {login_hint(existing)}; `kill -- -{existing.pid}` stops it."
        )
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        console.write("Label Studio is starting: half a minute the first time")
        with run_server(data_dir, port, document_root) as server:
            on_ready(server)
            console.write(f"{login_hint(server)}\nPress Ctrl+C to stop it; nothing is lost.")
            psutil.Process(server.pid).wait()
        raise RegroundError(f"Label Studio exited by itself. {_log_tail(data_dir)}")
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, previous)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def login_hint(server: LabelStudioServer) -> str:
    """A line for a person: the address, and the file with the password (never the password itself)."""
    login = f"log in as {server.credentials.email}, password in {server.data_dir / CREDENTIALS}"
    return f"Label Studio: {server.url} ({login})"


def environment(executable: Path, data_dir: Path, document_root: Path, credentials: Credentials) -> dict[str, str]:
    """Label Studio's environment variables. It would read others, such as ``HOST`` or ``DEBUG``, as settings."""
    base = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    options = {
        "BASE_DATA_DIR": str(data_dir),
        "USERNAME": credentials.email,
        "PASSWORD": credentials.password,
        "USER_TOKEN": credentials.token,
        "ENABLE_LEGACY_API_TOKEN": "true",
        "DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "ALLOWED_HOSTS": f"{HOST},localhost",
        "CORS_ALLOW_ALL_ORIGINS": "false",
        "LOCAL_FILES_SERVING_ENABLED": "true",
        "LOCAL_FILES_DOCUMENT_ROOT": str(document_root),
    }
    return {
        **base,
        "PATH": f"{executable.parent}:/usr/bin:/bin",
        "DJANGO_DB": "sqlite",
        "DJANGO_SETTINGS_MODULE": "label_studio_settings",
        "PYTHONPATH": str(_settings_folder(data_dir)),
        **{f"LABEL_STUDIO_{name}": value for name, value in options.items()},
    }


def _settings_folder(data_dir: Path) -> Path:
    return data_dir / "django"


def _prepare(data_dir: Path, document_root: Path) -> Credentials:
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    data_dir.chmod(0o700)
    document_root.mkdir(parents=True, exist_ok=True)
    folder = _settings_folder(data_dir)
    folder.mkdir(exist_ok=True)
    shutil.copyfile(Path(__file__).with_name("server_settings.py"), folder / "label_studio_settings.py")
    credentials = read_credentials(data_dir)
    if credentials is None and (data_dir / _DATABASE).exists():
        raise RegroundError(
            f"expected {data_dir / CREDENTIALS} beside Label Studio's database, found none, and Label Studio "
            "does not reveal its password: restore the file, or delete the folder to start over."
        )
    return credentials or create_credentials(data_dir)


def _spawn(
    executable: Path, data_dir: Path, port: int, document_root: Path, credentials: Credentials
) -> subprocess.Popen[bytes]:
    command = [str(executable), "start", "--no-browser", "--internal-host", HOST, "--port", str(port)]
    (data_dir / _LOG).touch(mode=0o600)
    with (data_dir / _LOG).open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=data_dir,
            env=environment(executable, data_dir, document_root, credentials),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,  # its database holds tokens
        )


def _wait_until_ready(server: LabelStudioServer) -> None:
    deadline = time.monotonic() + STARTUP_TIMEOUT
    while time.monotonic() < deadline:
        if not is_alive(server.pid):
            raise RegroundError(f"Label Studio exited while starting. {_log_tail(server.data_dir)}")
        if _is_healthy(server):
            return
        time.sleep(0.3)
    raise RegroundError(
        f"expected Label Studio at {server.url} to accept its own token within {STARTUP_TIMEOUT:.0f} s, it does not; "
        f"`kill -- -{server.pid}` stops it. {_log_tail(server.data_dir)}"
    )


def _is_healthy(server: LabelStudioServer) -> bool:
    """Healthy, and the server we started: it accepts our token."""
    import httpx

    with contextlib.suppress(httpx.TransportError), httpx.Client(base_url=server.url, trust_env=False) as client:
        headers = {"Authorization": f"Token {server.credentials.token}"}
        healthy = client.get("/health").status_code == 200
        return healthy and client.get("/api/current-user/whoami", headers=headers).status_code == 200
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal_number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
            return


def _log_tail(data_dir: Path, lines: int = 15) -> str:
    log = data_dir / _LOG
    tail = log.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join([f"Last lines of {log}:", *tail])
