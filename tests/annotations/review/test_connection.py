"""From settings and environment to a connection, and what is said where there is none."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from reground.annotations.label_studio import UnavailableError
from reground.annotations.label_studio import connection as connections
from reground.annotations.label_studio.credentials import create_credentials
from reground.annotations.review.connection import DATA_DIR, connect
from reground.annotations.rounds import ReviewSettings
from reground.flows.cli.main import main
from reground.flows.settings import remember
from reground.tasks.errors import RegroundError
from reground.tasks.workspace import Workspace
from tests.support.label_studio_stand_in import Reply, private_authority, ready, stand_in

TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv("REGROUND_LABEL_STUDIO_TOKEN", raising=False)
    workspace = Workspace(tmp_path / "w")
    remember(workspace, {"review": {"overlap": 3}})
    return workspace


@pytest.fixture
def started(workspace: Workspace) -> Iterator[dict[str, Any]]:
    """The note of a running server of the workspace; its process is one of this test's."""
    data = Path(workspace.path(DATA_DIR))
    data.mkdir()
    create_credentials(data)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        state = {
            "pid": process.pid,
            "start_time": psutil.Process(process.pid).create_time(),
            "url": "http://127.0.0.1:9",
            "data_dir": str(data.resolve()),
        }
        yield state
        process.communicate(b"\n")


def note(workspace: Workspace, state: dict[str, Any]) -> None:
    Path(workspace.path(DATA_DIR), "running.json").write_text(json.dumps(state))


@pytest.mark.parametrize("form", ["{}\r\n", " {}", '"{}"', "\ufeff{}"], ids=["crlf", "blank", "quotes", "bom"])
def test_a_token_with_stray_characters_works(workspace: Workspace, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGROUND_LABEL_STUDIO_TOKEN", form.format(TOKEN))
    with stand_in() as server, connect(workspace, ReviewSettings(url=f"{server.url}/projects/3/data?tab=2")) as client:
        assert client.url == server.url
    assert set(server.tokens) == {f"Token {TOKEN}"}


@pytest.mark.parametrize("token", [f"{TOKEN}\r\n", f"\u201c{TOKEN}\u201d", f"{TOKEN} {TOKEN}", f"{TOKEN}\u20ac"])
@pytest.mark.parametrize("verbose", [[], ["-v"]], ids=["plain", "verbose"])
def test_no_token_is_printed(
    workspace: Workspace, token: str, verbose: list[str], monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.setenv("REGROUND_LABEL_STUDIO_TOKEN", token)
    invite = ["review", "invite", "ann@lab.org", *verbose, "-w", workspace.url]
    with stand_in(lambda path: ready(path) if "version" in path else (403, f"Forbidden: {TOKEN}", {})) as server:
        assert main([*invite, "--url", server.url]) != 0
        assert main(["settings", *verbose, "-w", workspace.url]) == 0
    printed = "".join(capfd.readouterr())
    assert TOKEN not in printed and "Illegal header" not in printed
    assert ("REGROUND_LABEL_STUDIO_TOKEN: letters, digits" in printed) != ("Forbidden: ***" in printed)


def test_a_password_in_an_address_is_printed_nowhere(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    address = "http://ann:s3same-open@localhost:1"
    assert main(["review", "pull", "-w", workspace.url, "--url", address]) == 2
    monkeypatch.setenv("REGROUND_REVIEW__URL", address)
    assert main(["settings", "-w", workspace.url]) == main(["settings", "--json", "-w", workspace.url]) == 0
    assert main(["review", "pull", "-w", workspace.url]) == 2
    printed = capsys.readouterr()
    assert "s3same" not in printed.out + printed.err and "***@localhost" in printed.out
    assert not any("s3same" in path.read_text() for path in Path(workspace.root).rglob("*.json"))


def test_a_server_that_starts_is_told_from_one_that_does_not_run(workspace: Workspace, started: dict[str, Any]) -> None:
    with pytest.raises(UnavailableError, match=r"expected Label Studio to run for .*, it does not: start it with"):
        connect(workspace, ReviewSettings())
    note(workspace, started)
    expected = rf"runs \(process {started['pid']}\), but is not ready: it is starting"
    with pytest.raises(UnavailableError, match=expected) as caught:
        connect(workspace, ReviewSettings())
    assert "nobody listens" not in str(caught.value) and str(caught.value).count("Nothing is lost") == 1


def test_a_busy_server_of_the_workspace_is_told_from_one_that_does_not_run(
    workspace: Workspace, started: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CHECK_TIMEOUT", 0.2)
    answered = threading.Event()

    def sleep(path: str) -> Reply:
        answered.wait()
        return ready(path)

    with stand_in(sleep) as server:
        note(workspace, started | {"url": server.url})
        with pytest.raises(UnavailableError, match=rf"runs \(process {started['pid']}\).*starting.* or busy"):
            connect(workspace, ReviewSettings())
        answered.set()
        monkeypatch.setattr(connections, "CHECK_TIMEOUT", 600.0)
        connect(workspace, ReviewSettings())


def test_the_server_of_a_moved_workspace_is_named_and_that_of_a_copy_is_left_alone(
    workspace: Workspace, started: dict[str, Any], tmp_path: Path
) -> None:
    note(workspace, started)
    shutil.copytree(workspace.root, tmp_path / "copy")
    with pytest.raises(UnavailableError, match="it does not: start it"):
        connect(Workspace(tmp_path / "copy"), ReviewSettings())
    Path(workspace.root).rename(tmp_path / "moved")
    said = rf"was started when .*moved.* was .*w/label-studio.*kill -- -{started['pid']}"
    with pytest.raises(RegroundError, match=said):
        connect(Workspace(tmp_path / "moved"), ReviewSettings())


def test_the_setting_for_a_private_authority(
    workspace: Workspace, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.setenv("REGROUND_LABEL_STUDIO_TOKEN", TOKEN)
    ca_file, tls = private_authority(tmp_path)
    with stand_in(tls=tls) as server, connect(workspace, ReviewSettings(url=server.url, ca_file=str(ca_file))):
        pass
    assert main(["review", "pull", "-w", workspace.url, "--ca-file", str(tmp_path / "none.pem")]) == 2
    assert "review.ca_file: expected certificate authorities at" in capsys.readouterr().err
