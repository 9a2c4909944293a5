"""A token and code go only to addresses that somebody has named on this machine."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from reground.annotations.label_studio import TOKEN_VARIABLE
from reground.flows.cli.main import main
from reground.flows.settings import remember, resolve_for
from reground.tasks.errors import UsageError
from reground.tasks.workspace import Workspace, remembered

FOREIGN = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nobody has named an address, with a token in the environment."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv(TOKEN_VARIABLE, "f" * 40)
    return tmp_path / "data"


def from_elsewhere(folder: Path, **values: str) -> Workspace:
    """A workspace that somebody else has made, with these settings."""
    workspace = Workspace(folder)
    with remembered.update(workspace) as entries:
        entries |= {name.replace("__", "."): {"value": value} for name, value in values.items()}
    return workspace


@pytest.mark.parametrize("command", ["push", "pull", "status"])
def test_the_token_is_not_sent_where_only_the_workspace_points(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = from_elsewhere(tmp_path / "w", review__url=FOREIGN)
    assert main(["review", command, "-w", workspace.url]) == 2
    error = capsys.readouterr().err
    assert f"only the workspace names {FOREIGN}" in error and f"`--url {FOREIGN}`" in error and TOKEN_VARIABLE in error


def test_without_a_token_there_is_nothing_to_send(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE)
    resolve_for(["review"], from_elsewhere(tmp_path / "w", review__url=FOREIGN), {})


def test_an_address_named_once_is_known_in_every_workspace_on_this_machine(tmp_path: Path, machine: Path) -> None:
    remember(Workspace(tmp_path / "mine"), {"review": {"url": f"{FOREIGN}/projects/3"}})
    resolve_for(["review"], from_elsewhere(tmp_path / "w", review__url=FOREIGN), {})
    with pytest.raises(UsageError, match=r"only the workspace names https://other\.example"):
        resolve_for(["review"], from_elsewhere(tmp_path / "x", review__url="https://other.example"), {})
    (file,) = (machine / "reground").rglob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("source", ["command line", "environment", "file"])
def test_an_address_that_the_user_names_now_is_taken(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = from_elsewhere(tmp_path / "w", review__url="https://other.example")
    overrides, config = {}, None
    if source == "command line":
        overrides = {"review": {"url": FOREIGN}}
    elif source == "environment":
        monkeypatch.setenv("REGROUND_REVIEW__URL", FOREIGN)
    else:
        config = tmp_path / "reground.toml"
        config.write_text(f'[review]\nurl = "{FOREIGN}"\n')
    assert resolve_for(["review"], workspace, overrides, config).settings.review.url == FOREIGN


def test_steps_are_not_sent_to_a_cluster_that_only_the_workspace_names(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    workspace = from_elsewhere(tmp_path / "w", runner="ray:cluster.example:6379")
    with pytest.raises(UsageError, match=r"only the workspace names the cluster cluster\.example:6379"):
        resolve_for(["index"], workspace, {"index": {"images": str(tmp_path)}})
    remember(Workspace(tmp_path / "mine"), {"runner": "ray:cluster.example:6379"})
    with pytest.raises(UsageError) as error:
        resolve_for(["index"], workspace, {"index": {"images": str(tmp_path / "none")}})
    assert "cluster" not in str(error.value)


def test_a_workspace_whose_address_is_unknown_can_be_read(tmp_path: Path) -> None:
    workspace = from_elsewhere(tmp_path / "w", review__url=FOREIGN, runner="ray:cluster.example:6379")
    assert main(["status", "-w", workspace.url]) == 0
    assert main(["settings", "-w", workspace.url]) == 0
