"""A PostgreSQL server from Debian's package, on loopback, in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reground.tasks.ports import free_port
from tests.support.needs import need_postgresql
from tests.support.waiting import HANG

HOST = "127.0.0.1"


@contextlib.contextmanager
def postgres_server(user: str, password: Path, script: Path) -> Iterator[int]:
    """Run a new, empty server, as the image of PostgreSQL does; gives its port.

    Args:
        user: superuser, with a database of the same name.
        password: file with the user's password.
        script: SQL that runs first.
    """
    programs, port = need_postgresql(), free_port(HOST, 0, "PostgreSQL", "nothing")
    # Not below pytest's own folder, which no other user may enter.
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    data, log, secret = (folder / name for name in ("data", "log", "password"))
    secret.touch(0o600)
    secret.write_text(password.read_text())
    run_as: dict[str, Any] = {"cwd": folder, "stdin": subprocess.DEVNULL}
    if os.geteuid() == 0:  # root may not run PostgreSQL
        for path in (folder, secret):
            shutil.chown(path, "nobody", "nogroup")
        run_as.update(user="nobody", group="nogroup", extra_groups=[])
    init = [programs / "initdb", "-D", data, f"--username={user}", f"--pwfile={secret}", "--auth=scram-sha-256"]
    init += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    serve = [programs / "postgres", "-D", data, "-p", str(port)]
    serve += ["-c", f"listen_addresses={HOST}", "-c", "unix_socket_directories="]
    environment = {**os.environ, "PGHOST": HOST, "PGPORT": str(port), "PGUSER": user, "PGPASSWORD": secret.read_text()}
    psql = [programs / "psql", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname"]
    server: subprocess.Popen[Any] | None = None
    try:
        subprocess.run(init, **run_as, check=True, stdout=subprocess.DEVNULL)
        with log.open("wb") as handle:
            server = subprocess.Popen(serve, **run_as, stdout=handle, stderr=subprocess.STDOUT)
        wait_for([str(programs / "pg_isready"), "--quiet"], environment, server, log)
        subprocess.run([*psql, "postgres", "--command", f'CREATE DATABASE "{user}"'], env=environment, check=True)
        subprocess.run([*psql, user, "--file", script], env=environment, check=True)
        yield port
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)  # a fast shutdown: open connections are ended
            server.wait(HANG)
        shutil.rmtree(folder)


def wait_for(check: list[str], environment: dict[str, str], server: subprocess.Popen[Any], log: Path) -> None:
    """Returns once the command ``check`` succeeds; a server that ends before is an error with its log."""
    while subprocess.run(check, env=environment, capture_output=True).returncode:
        assert server.poll() is None, log.read_text(errors="replace")
        time.sleep(0.1)
