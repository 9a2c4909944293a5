"""A Label Studio on this machine: found, started with safe settings, checked, stopped.

It listens on 127.0.0.1 alone, sends nothing out, lets nobody sign up without an invitation,
and serves no file outside one folder. Label Studio lives in its own environment
(``make label-studio``): its requirements contradict those of Prefect.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from reground.annotations.label_studio.credentials import CREDENTIALS, Credentials, make_credentials, read_credentials
from reground.tasks.errors import RegroundError

HOST: Final = "127.0.0.1"
READY_WITHIN = 240.0
"""Seconds a first start may take: it migrates an empty database (30 s on two cores)."""
EXECUTABLE_VARIABLE: Final = "REGROUND_LABEL_STUDIO"
_PROJECT = Path(__file__).resolve().parents[2]
_LOG, _DATABASE, _RUNNING = "label-studio.log", "label_studio.sqlite3", "running.json"


@dataclass(frozen=True)
class LabelStudioServer:
    """A Label Studio that answers.

    Attributes:
        url: where a browser opens it.
        data_dir: its database, log and credentials.
        credentials: of its owner.
        pid: of its process, which leads a process group of its own: ``kill -- -PID`` ends it.
    """

    url: str
    data_dir: Path
    credentials: Credentials
    pid: int


def find_executable() -> Path:
    """Label Studio's command: named by ``REGROUND_LABEL_STUDIO``, in the project, or on the PATH.

    Raises:
        RegroundError: none of these.
    """
    beside = _PROJECT / ".venv-label-studio" / "bin" / "label-studio"
    named, on_path = os.environ.get(EXECUTABLE_VARIABLE), shutil.which("label-studio")
    for found in (Path(named) if named else None, beside, Path(on_path) if on_path else None):
        if found is not None and found.is_file():
            return found
    raise RegroundError(
        f"expected Label Studio's command in {EXECUTABLE_VARIABLE}, at {beside} or on the PATH, found none: "
        "run `make label-studio`, which installs it into an environment of its own."
    )


@contextlib.contextmanager
def serve(data_dir: Path, port: int, documents: Path) -> Iterator[LabelStudioServer]:
    """Run Label Studio as a child process for the length of a ``with`` block.

    The same folder can be served again and again: accounts, tasks and answers stay in it. One
    that already runs on the folder (in another terminal, or left by a killed run) is used as it
    is, and left running.

    Args:
        data_dir: where it keeps everything; made, closed to other users, if missing.
        port: to listen on; 0 for any free one.
        documents: the one folder whose files every annotator can see, pictures in its sub-folders.

    Raises:
        RegroundError: not installed, the port is taken, or it did not come up.
    """
    already = _noted(data_dir)
    if already is not None:
        _wait_until_ready(already)
        yield already
        return
    executable, port = find_executable(), _free_port(port)
    credentials = _prepare(data_dir, documents)
    process = _spawn(executable, data_dir, port, documents, credentials)
    server = LabelStudioServer(f"http://{HOST}:{port}", data_dir, credentials, process.pid)
    try:
        _note(server)
        _wait_until_ready(server)
        yield server
    finally:
        _stop(process)
        (data_dir / _RUNNING).unlink(missing_ok=True)


def serve_forever(data_dir: Path, port: int, documents: Path) -> None:
    """As `serve`, until interrupted or terminated; says where to log in.

    Raises:
        RegroundError: as `serve`; one already runs on ``data_dir``; or it ended by itself.
    """
    already = find_running(data_dir)
    if already is not None:
        raise RegroundError(
            f"Label Studio already runs on {data_dir}: {how_to_log_in(already)}; `kill -- -{already.pid}` stops it."
        )
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with serve(data_dir, port, documents) as server:
            print(f"{how_to_log_in(server)}\nCtrl+C stops it; nothing is lost.", flush=True)
            psutil.Process(server.pid).wait()
        raise RegroundError(f"Label Studio ended by itself. {_log_tail(data_dir)}")
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def find_running(data_dir: Path) -> LabelStudioServer | None:
    """The Label Studio that runs on ``data_dir`` and answers, if any."""
    noted = _noted(data_dir)
    return noted if noted is not None and _answers(noted) else None


def _noted(data_dir: Path) -> LabelStudioServer | None:
    """The one that was started on ``data_dir`` and has not ended."""
    credentials = read_credentials(data_dir)
    try:
        noted = json.loads((data_dir / _RUNNING).read_text())
        born = psutil.Process(noted["pid"]).create_time()
    except (FileNotFoundError, ValueError, KeyError, psutil.NoSuchProcess):
        return None
    if credentials is None or abs(born - noted["born"]) > 1:  # the number went to another process
        return None
    return LabelStudioServer(noted["url"], data_dir, credentials, noted["pid"])


def _note(server: LabelStudioServer) -> None:
    note = {"pid": server.pid, "born": psutil.Process(server.pid).create_time(), "url": server.url}
    (server.data_dir / _RUNNING).write_text(json.dumps(note))


def how_to_log_in(server: LabelStudioServer) -> str:
    """A line for a person; names the file with the password, not the password."""
    login = f"log in as {server.credentials.email}, password in {server.data_dir / CREDENTIALS}"
    return f"Label Studio: {server.url} ({login})"


def environment(executable: Path, data_dir: Path, documents: Path, credentials: Credentials) -> dict[str, str]:
    """Label Studio's whole environment. Nothing else is passed on: it would read ``HOST`` or ``DEBUG`` as settings."""
    inherited = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
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
        "LOCAL_FILES_DOCUMENT_ROOT": str(documents),
    }
    return {
        **inherited,
        "PATH": f"{executable.parent}:/usr/bin:/bin",
        "DJANGO_DB": "sqlite",
        "DJANGO_SETTINGS_MODULE": "label_studio_settings",
        "PYTHONPATH": str(_settings_folder(data_dir)),
        **{f"LABEL_STUDIO_{name}": value for name, value in options.items()},
    }


def _settings_folder(data_dir: Path) -> Path:
    return data_dir / "django"


def _free_port(port: int) -> int:
    """Label Studio would silently listen elsewhere: so the port is tried first."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise RegroundError(
                f"expected port {port} of {HOST} to be free for Label Studio, but something listens there "
                f"({error.strerror}): stop it, or choose another port in the setting review.url."
            ) from None
        return int(probe.getsockname()[1])


def _prepare(data_dir: Path, documents: Path) -> Credentials:
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    data_dir.chmod(0o700)
    documents.mkdir(parents=True, exist_ok=True)
    folder = _settings_folder(data_dir)
    folder.mkdir(exist_ok=True)
    shutil.copyfile(Path(__file__).with_name("server_settings.py"), folder / "label_studio_settings.py")
    known = read_credentials(data_dir)
    if known is None and (data_dir / _DATABASE).exists():
        raise RegroundError(
            f"expected {data_dir / CREDENTIALS} beside Label Studio's database, found none, and Label Studio "
            "cannot be asked for its password: put the file back, or remove the folder to begin anew."
        )
    return known or make_credentials(data_dir)


def _spawn(
    executable: Path, data_dir: Path, port: int, documents: Path, credentials: Credentials
) -> subprocess.Popen[bytes]:
    command = [str(executable), "start", "--no-browser", "--internal-host", HOST, "--port", str(port)]
    with (data_dir / _LOG).open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=data_dir,
            env=environment(executable, data_dir, documents, credentials),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_until_ready(server: LabelStudioServer) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        if not _lives(server.pid):
            raise RegroundError(f"Label Studio ended while it was starting. {_log_tail(server.data_dir)}")
        if _answers(server):
            return
        time.sleep(0.3)
    raise RegroundError(
        f"expected Label Studio at {server.url} within {READY_WITHIN:.0f} s, and it does not answer to its own token; "
        f"`kill -- -{server.pid}` ends it. {_log_tail(server.data_dir)}"
    )


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _answers(server: LabelStudioServer) -> bool:
    """Healthy, and the one we started: its own token opens it."""
    import httpx

    with contextlib.suppress(httpx.TransportError), httpx.Client(base_url=server.url, trust_env=False) as client:
        headers = {"Authorization": f"Token {server.credentials.token}"}
        healthy = client.get("/health").status_code == 200
        return healthy and client.get("/api/current-user/whoami", headers=headers).status_code == 200
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    for sign, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return


def _log_tail(data_dir: Path, lines: int = 15) -> str:
    log = data_dir / _LOG
    tail = log.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join([f"The end of {log}:", *tail])
