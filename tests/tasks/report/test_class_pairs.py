"""Classes that cannot be told apart, as the report shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reground.tasks.report.class_pairs import SHOWN, class_pairs
from reground.tasks.report.snapshot import Snapshot
from reground.tasks.report.step import ReportSettings, render
from reground.tasks.workspace import Workspace
from tests.support.tables import class_row, image, put


def pair(class_a: int, class_b: int, verdict: str, **more: Any) -> dict[str, Any]:
    row = {
        "class_a": class_a,
        "class_b": class_b,
        "verdict": verdict,
        "confused": 0.3,
        "confused_low": 0.2,
        "confused_high": 0.4,
        "images": 40,
        "co_selected": 3,
        "exclusive": 9,
        "two_objects": 0,
        "n": 12,
        "low": 0.09,
        "high": 0.53,
        "alpha": 0.4,
        "models": ["a", "b"],
        "top1": [0.5, 0.6],
        "merged_top1": [0.7, 0.75],
        "source": "both",
    }
    return {**row, **more}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "w")
    put(made, "classes", [class_row(7, "tench, Tinca tinca"), class_row(3, "hook"), class_row(4, "<b>eel</b>")])
    put(made, "images", [image("a", 7)])
    return made


def test_pairs_with_a_verdict_are_shown_and_all_are_counted(workspace: Workspace) -> None:
    unknown = {"confused": None, "confused_low": None, "confused_high": None, "images": 0, "models": []}
    rows = [
        pair(3, 4, "separable"),
        pair(3, 7, "undecided", **unknown, top1=[], merged_top1=[]),
        pair(4, 7, "confusable"),
        pair(3, 8, "synonym", **unknown, top1=[], merged_top1=[]),
    ]
    put(workspace, "class_pairs", rows)
    pairs, counts = class_pairs(Snapshot(workspace))
    assert [(one.names, one.verdict) for one in pairs] == [
        (("hook", "class 8"), "synonym"),
        (("<b>eel</b>", "tench"), "confusable"),
    ]
    assert counts == {"synonym": 1, "confusable": 1, "undecided": 1, "separable": 1}
    assert pairs[1].together.value == 0.25 and pairs[1].gain == pytest.approx(0.2)
    assert pairs[0].gain is None and not pairs[0].confused.known
    page = render(Snapshot(workspace), ReportSettings())
    assert "Classes that models confuse" in page and "&lt;b&gt;eel" in page


def test_a_page_without_a_verdict_says_so(workspace: Workspace) -> None:
    put(workspace, "class_pairs", [pair(3, 7, "undecided")])
    assert "No pair of classes has a verdict" in render(Snapshot(workspace), ReportSettings())


def test_nobody_voted_is_no_share_of_zero(workspace: Workspace) -> None:
    put(workspace, "class_pairs", [pair(3, 7, "confusable", co_selected=0, exclusive=0, n=0, low=None, high=None)])
    (one,), _ = class_pairs(Snapshot(workspace))
    assert not one.together.known


def test_a_long_list_is_cut(workspace: Workspace) -> None:
    put(workspace, "class_pairs", [pair(3, other, "confusable") for other in range(100, 101 + SHOWN)])
    pairs, counts = class_pairs(Snapshot(workspace))
    assert (len(pairs), counts["confusable"]) == (SHOWN, SHOWN + 1)


def test_without_pairs_the_page_does_not_mention_them(workspace: Workspace) -> None:
    assert "models confuse" not in render(Snapshot(workspace), ReportSettings())
