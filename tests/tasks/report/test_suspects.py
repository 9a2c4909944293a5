"""Suspects as the report shows them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reground.tasks.report.snapshot import Snapshot
from reground.tasks.report.step import ReportSettings, render
from reground.tasks.report.suspects import SHOWN, suspects
from reground.tasks.workspace import Workspace
from tests.support.tables import class_row, image, put, put_truth, truth_row


def suspect(kind: str, rank: int, image_id: str, **more: Any) -> dict[str, Any]:
    row = {
        "kind": kind,
        "rank": rank,
        "image_id": image_id,
        "score": 0.9,
        "flagged": True,
        "threshold": None,
        "related": [],
        "class_idx": None,
        "proposed": [],
        "model": "",
        "evidence": "{}",
        "settled_by": None,
    }
    return {**row, **more}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "w")
    put(made, "classes", [class_row(7, "tench, Tinca tinca"), class_row(3, "hook")])
    put(made, "images", [image(name, 7) for name in "abcdefgh"])
    return made


def page(workspace: Workspace) -> str:
    return render(Snapshot(workspace), ReportSettings())


def test_without_suspects_the_page_names_the_command(workspace: Workspace) -> None:
    assert suspects(Snapshot(workspace)) == []
    assert "Nobody has looked for suspects yet" in page(workspace)


def test_those_that_nobody_has_decided_come_first_and_all_are_counted(workspace: Workspace) -> None:
    rows = [suspect("label", n, name) for n, name in enumerate("abcdefgh", start=1)]
    rows[0]["settled_by"], rows[1]["flagged"] = "votes", False
    put(workspace, "suspects", rows)
    put_truth(workspace, [truth_row("a", [3], "changed", 7)])
    (kind,) = suspects(Snapshot(workspace))
    assert (kind.count, kind.flagged, kind.settled) == (8, 7, 1)
    assert [one.picture.image_id for one in kind.suspects] == list("cdefgh") and len(kind.suspects) == SHOWN
    assert "<b>7</b> of 8 images with a score are flagged; people have settled 1 of them." in page(workspace)


def test_what_people_said_of_a_suspect_stands_beside_it(workspace: Workspace) -> None:
    put(workspace, "suspects", [suspect("label", 1, "a", proposed=[3], settled_by="decision")])
    put_truth(workspace, [truth_row("a", [3], "changed", 7)])
    (one,) = suspects(Snapshot(workspace))[0].suspects
    assert (one.stage, one.settled_by, list(one.proposed), one.picture.label) == (
        "changed",
        "decision",
        ["hook"],
        "tench",
    )


def test_twins_stand_side_by_side_once(workspace: Workspace) -> None:
    put(
        workspace,
        "suspects",
        [
            suspect("duplicate", 1, "a", related=["b"], evidence=json.dumps({"match": "pixels"})),
            suspect("duplicate", 2, "b", related=["a"]),
            suspect("duplicate", 3, "c", related=["d"], flagged=False),
        ],
    )
    (kind,) = suspects(Snapshot(workspace))
    assert [(one.picture.image_id, one.twins[0].image_id) for one in kind.suspects] == [("a", "b"), ("c", "d")]
    assert list(kind.suspects[0].reasons) == ["the same pixels in another file"]


def test_a_leak_names_the_other_set_and_shows_no_picture_of_it(workspace: Workspace) -> None:
    twins = [{"image_id": "c", "label": "<i>eel</i>"}]
    evidence = json.dumps({"match": "bytes", "against": "training", "twins": twins})
    put(workspace, "suspects", [suspect("leak", 1, "a", related=["c"], evidence=evidence)])
    (one,) = suspects(Snapshot(workspace))[0].suspects
    assert (one.twins[0].uri, one.twins[0].label) == ("", "<i>eel</i>")
    assert list(one.reasons) == ["the same file", "in training"]
    assert "&lt;i&gt;eel" in page(workspace)


def test_a_plugin_that_is_not_installed_here_has_no_limit(workspace: Workspace) -> None:
    put(workspace, "suspects", [suspect("elsewhere", 1, "a", evidence="[1]")])
    (kind,) = suspects(Snapshot(workspace))
    assert (kind.limit, kind.heading) == ("", "Suspects of the kind “elsewhere”")
    assert "elsewhere" in page(workspace)
