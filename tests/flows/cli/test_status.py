"""What ``reground status`` says of a workspace in which little is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.flows.cli.main import main
from reground.flows.settings import remember
from reground.tasks.workspace import Workspace
from tests.support.tables import image, put


def test_a_step_that_waits_names_the_workspace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = Workspace(tmp_path / "my set")
    remember(workspace, {"masks": {"seed": 1}})
    assert main(["status", "-w", workspace.url]) == 0
    shown = capsys.readouterr().out
    assert f"`reground run IMAGES -w {workspace.shell_url}`" in shown and " -w W`" not in shown


def test_a_step_that_has_not_run_is_not_said_to_have_nothing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace(tmp_path / "w")
    put(workspace, "images", [image("a", 0)])
    assert main(["status", "-w", workspace.url]) == 0
    shown = capsys.readouterr().out
    assert "predict " in shown and "nothing to do" not in shown
