"""What curators decided, as the report shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.tasks.report.decisions import SHOWN, decisions
from reground.tasks.report.snapshot import Snapshot
from reground.tasks.report.step import ReportSettings, render
from reground.tasks.workspace import Workspace
from tests.support.tables import class_row, decision, image, put


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "w")
    put(made, "classes", [class_row(7, "tench, Tinca tinca"), class_row(3, "hook")])
    put(made, "images", [image("a", 7)])
    return made


def test_decisions_that_most_votes_contradict_come_first(workspace: Workspace) -> None:
    rows = [
        decision("a", 3, "no", yes_votes=1, no_votes=1),
        decision("a", 7, "yes", yes_votes=1, no_votes=4, comment="<b>the fin</b>"),
        decision("b", 7, "no", yes_votes=0, no_votes=5),
    ]
    put(workspace, "decisions", rows)
    user = {"user_id": 9, "address": "eve@lab", "name": None, "addresses": ["eve@lab"], "created_at": None}
    put(workspace, "users", [user])
    shown, count = decisions(Snapshot(workspace))
    assert [(one.image_id, one.label, one.answer) for one in shown] == [
        ("a", "tench", "yes"),
        ("a", "hook", "no"),
        ("b", "tench", "no"),
    ]
    assert count == 3 and {one.curator for one in shown} == {"eve@lab"} and shown[0].at == "2026-01-02"
    page = render(Snapshot(workspace), ReportSettings())
    assert "What curators decided" in page and "&lt;b&gt;the fin&lt;/b&gt;" in page


def test_a_long_list_is_cut_and_counted(workspace: Workspace) -> None:
    put(workspace, "decisions", [decision(f"i{n:03d}", 7, "yes") for n in range(SHOWN + 1)])
    shown, count = decisions(Snapshot(workspace))
    assert (len(shown), count) == (SHOWN, SHOWN + 1)
    assert f"The {SHOWN} that most votes contradict" in render(Snapshot(workspace), ReportSettings())


def test_without_decisions_the_page_does_not_mention_them(workspace: Workspace) -> None:
    assert "curators" not in render(Snapshot(workspace), ReportSettings())
