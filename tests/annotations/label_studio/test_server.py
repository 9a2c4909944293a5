"""A real Label Studio as a child process: one a folder, closed to others, ended with its parent."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from reground.annotations.label_studio import Client
from reground.annotations.label_studio import server as servers
from reground.annotations.label_studio.browser_session import submit_form
from reground.annotations.label_studio.credentials import read_credentials
from reground.tasks.errors import RegroundError
from tests.support.label_studio_world import (
    LabelStudio,
)
from tests.support.waiting import HANG

pytestmark = pytest.mark.slow


pytest_plugins = ["tests.support.label_studio_fixture"]


def test_the_server_is_closed_and_keeps_its_database_safe(label_studio: LabelStudio):
    data = label_studio.root / "data"
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "credentials.json").stat().st_mode) == 0o600
    with sqlite3.connect(data / "label_studio.sqlite3") as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    url, secret = label_studio.server.url, label_studio.server.credentials
    assert secret.token not in repr(secret) and secret.password not in repr(label_studio.server)
    with httpx.Client(base_url=url, trust_env=False) as http:
        assert submit_form(http, url, "/user/signup/", {"email": "eve@x.org", "password": "p" * 20}).status_code == 403
        assert http.get("/health", headers={"Host": "evil.example"}).status_code == 400
        assert (
            "access-control-allow-origin" not in http.get("/health", headers={"Origin": "http://evil.example"}).headers
        )
        assert http.get("/data/local-files/?d=pictures/x").status_code == 401
    log = (data / "label-studio.log").read_text()
    assert secret.token not in log and secret.password not in log


def test_one_server_a_folder_and_one_a_port(label_studio: LabelStudio, tmp_path: Path):
    data, documents = label_studio.root / "data", label_studio.root / "documents"
    with servers.run_server(data, 0, documents) as same:
        assert same.pid == label_studio.server.pid
    with pytest.raises(RegroundError, match="already runs"):
        servers.serve_forever(data, 0, documents)
    with (
        pytest.raises(RegroundError, match=r"Label Studio did not start: port .* is in use"),
        servers.run_server(tmp_path / "other", label_studio.port, tmp_path / "documents"),
    ):
        pass
    with Client(label_studio.server.url, label_studio.server.credentials.token) as client:
        client.check()


def test_terminated_in_a_terminal_it_takes_label_studio_along(label_studio: LabelStudio, tmp_path: Path):
    data, documents = tmp_path / "data", tmp_path / "documents"
    label_studio.stop()
    shutil.copytree(label_studio.root / "data", data)
    label_studio.start()
    code = f"from pathlib import Path; from reground.annotations.label_studio.server import serve_forever as serve; \
serve(Path({str(data)!r}), 0, Path({str(documents)!r}))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as foreground:
        assert foreground.stdout is not None
        assert "is starting" in foreground.stdout.readline()
        assert "log in as owner@reground.local" in foreground.stdout.readline()
        running = servers.find_server(data)
        assert running is not None
        with Client(running.url, running.credentials.token) as client:
            client.check()
        foreground.terminate()
        assert foreground.wait(HANG) == 0
    assert servers.find_server(data) is None and not psutil.pid_exists(running.pid)


def test_a_start_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    broken = tmp_path / "label-studio"
    broken.write_text("#!/bin/sh\necho the database is on fire\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv(servers.EXECUTABLE_VARIABLE, str(broken))
    with (
        pytest.raises(RegroundError, match=r"exited while starting.*\n.*on fire"),
        servers.run_server(tmp_path / "d", 0, tmp_path / "r"),
    ):
        pass
    monkeypatch.setenv(servers.EXECUTABLE_VARIABLE, str(tmp_path / "none"))
    monkeypatch.setattr(servers, "_PROJECT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(RegroundError, match="make label-studio"):
        servers.find_executable()
    (tmp_path / "d" / "credentials.json").write_text("{}")
    with pytest.raises(RegroundError, match="expected email, password and token"):
        read_credentials(tmp_path / "d")
