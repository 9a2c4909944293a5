"""`reground settings`: every value with its source, and taking one back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reground.flows.cli.main import main
from reground.flows.settings import remember
from reground.tasks.workspace import Workspace
from tests.support.tables import class_row, put


@pytest.fixture
def workspace(tmp_path: Path) -> str:
    here = Workspace(tmp_path)
    put(here, "classes", [class_row(0)])
    remember(here, {"masks": {"seed": 7}})
    return here.url


def listed(workspace: str, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    assert main(["settings", "-w", workspace, "--json"]) == 0
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)["settings"]}


def test_each_setting_has_its_value_and_source(workspace: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed(workspace, capsys)
    assert (rows["masks.seed"]["value"], rows["masks.seed"]["source"]) == (7, "workspace")
    assert (rows["masks.iterations"]["value"], rows["masks.iterations"]["source"]) == (5, "default")
    assert main(["settings", "-w", workspace]) == 0
    assert ["masks.seed", "workspace", "7"] in [line.split() for line in capsys.readouterr().out.splitlines()]


def test_unset_takes_one_back(workspace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "unset", "masks.seed", "-w", workspace]) == 0
    assert "it is 0 now (default)" in capsys.readouterr().out
    assert listed(workspace, capsys)["masks.seed"]["source"] == "default"


def test_a_name_that_is_not_remembered_is_refused(workspace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "unset", "masks.sed", "-w", workspace]) == 2
    assert "did you mean 'masks.seed'" in capsys.readouterr().err
