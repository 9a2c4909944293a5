"""Models by every truth side by side."""

from __future__ import annotations

from pathlib import Path

from reground.tasks.report.snapshot import Snapshot
from reground.tasks.report.truths import truth_columns
from reground.tasks.workspace import Workspace
from tests.support.report_world import EVIL, Page, evaluate, html_of, index, judge, mix, predict
from tests.support.tables import prediction, put, reference_row


def world(workspace: Workspace, folder: Path) -> None:
    index(workspace, folder)
    mix(workspace)
    predict(workspace)
    judge(workspace)


def reference(name: str, file: str) -> dict[str, object]:
    numbers = dict.fromkeys(("images", "empty", "labels", "dropped"), 0)
    texts = dict.fromkeys(("format", "sha256", "classes_file", "classes_sha256"), "")
    return {"name": name, "file": file, **texts, **numbers}


def test_every_truth_has_a_column_with_value_rank_and_n(workspace_url: str, tmp_path: Path) -> None:
    workspace = Workspace(workspace_url)
    world(workspace, tmp_path)
    rows = [reference_row("a", [7]), reference_row("b", [8]), reference_row("c", [8, 3]), reference_row("d", [])]
    put(workspace, "reference_truths/real", rows)
    put(workspace, "references", [reference("real", EVIL)])
    evaluate(workspace)
    shown = truth_columns(Snapshot(workspace))
    assert [column.name for column in shown["truth_columns"]] == ["original", "own", "real"]
    real = shown["truth_columns"][2]
    # of a, b and c lite-a is right on all, lite-b on b and c
    assert [(round(real.numbers[m].value, 2), real.numbers[m].n) for m in ("lite-a", "lite-b")] == [(1.0, 3), (0.67, 3)]
    assert (real.ranks, shown["truth_models"]) == ({"lite-a": "1", "lite-b": "2"}, ["lite-a", "lite-b"])
    page = Page(html_of(workspace))
    line = page.line("lite-b", "rank 2", "n 3")
    assert "66.7 %" in line and EVIL in page.line("Original labels", "real")


def test_other_tables_keep_to_the_own_truth(workspace_url: str, tmp_path: Path) -> None:
    """Rows by reference truths have the same model, metric and subset."""
    workspace = Workspace(workspace_url)
    world(workspace, tmp_path)
    evaluate(workspace)
    before = html_of(workspace)
    assert "By several truths" not in before
    put(workspace, "reference_truths/real", [reference_row(name, [1]) for name in "abcde"])
    evaluate(workspace)
    after = html_of(workspace)
    start, end = after.index("<h3>By several truths</h3>"), after.index("</table>", after.index("By several truths"))
    assert after[:start].rstrip() == before[: len(after[:start].rstrip())]
    assert "0.0 %" in after[start:end]


def test_a_reference_alone_is_shown_and_nothing_is_said_to_be_missing(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "votes", [])
    put(workspace, "predictions/m", [prediction("a", [7])])
    put(workspace, "reference_truths/real", [reference_row("a", [7])])
    evaluate(workspace)
    page = html_of(workspace)
    assert "By several truths" in page and "No model was judged yet" not in page
