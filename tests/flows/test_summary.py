"""What a command says of its steps: what they made, why there was nothing to do, and nothing of other steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.flows.cli.main import main
from reground.flows.summary import summarize
from reground.tasks.schema import DropReason, dropped_row
from reground.tasks.workspace import Output, Workspace
from tests.support.tables import image


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Two images; the step ``index`` dropped a third."""
    made = Workspace(tmp_path / "w")
    rows = [dropped_row("index", "c.jpg", DropReason.TRUNCATED, "half")]
    made.commit("index", "0000", "0" * 32, Output({"images": [image("a", 7), image("b", 8)], "dropped": rows}))
    return made


@pytest.mark.parametrize(
    ("step", "reason"),
    [("evaluate", "no model has predicted; `reground predict`"), ("needs_vote", "there are no votes yet; `reground")],
)
def test_nothing_to_do_has_a_reason(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], step: str, reason: str
) -> None:
    assert main([step, "-w", workspace.url]) == 0
    said = capsys.readouterr()
    assert f"{step}: nothing to do: {reason}" in said.err and "0 of 0" not in said.err


def test_the_reason_is_part_of_the_result(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "-q", "-w", workspace.url]) == 0
    assert "evaluate: nothing to do: no model has predicted" in capsys.readouterr().out


def test_a_step_counts_what_it_dropped_itself(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["truth", "-w", workspace.url]) == 0
    said = capsys.readouterr()
    assert "truth: 2\n" in said.out and "dropped" not in said.out
    summary = summarize(workspace, ["index", "truth"])
    assert summary.dropped == {("index", "truncated"): 1} and "dropped in index: 1 truncated" in repr(summary)
