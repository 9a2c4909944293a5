"""From a tie to an export with its lineage: the curator decides in a real browser."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from reground.annotations.review import pull_votes, push_disputes, push_questions
from reground.annotations.rounds import classify_result, read_tasks
from reground.flows.cli.main import main
from reground.tasks.schema import ClassIdx
from tests.support.label_studio_world import PASSWORD, LabelStudio
from tests.support.needs import need_chromium, need_package
from tests.support.screens import ROW, browser, faint_texts, open_stream, set_theme

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.support.label_studio_fixture"]

DOG, LABELS = "imagenet_16_251", (251, 246)
REJECTION = ".rejections .lsf-choice"
KEY_HEIGHTS = """rows => rows.map(row => {
  const [name, key] = ['b', '.lsf-hint'].map(part => row.querySelector(part).getBoundingClientRect());
  return key.top < name.bottom && key.bottom > name.top && key.left > name.right;
})"""


def ticks(label: int) -> list[dict[str, Any]]:
    return classify_result([ClassIdx(label)], ClassIdx(label), "1")


@pytest.mark.parametrize("show_votes", [False, True])
def test_a_tie_ends_in_an_export_that_says_who_decided(
    label_studio: LabelStudio, tmp_path: Path, capsys: Any, show_votes: bool
) -> None:
    need_package("playwright")
    need_chromium()
    workspace, eve = label_studio.workspace(tmp_path / "w", {DOG: LABELS}), f"eve-{show_votes}@x.local".lower()
    settings = label_studio.settings()
    push_questions(workspace, settings, "classify")
    (task,) = read_tasks(workspace)
    for email, label in (("ann@x.local", 251), ("bob@x.local", 246)):
        with label_studio.annotator(email) as person:
            person.submit(task.task_id, ticks(label), 3.0)
    label_studio.annotator(eve).__exit__()
    pull_votes(workspace, settings)
    where = ["-w", str(workspace.url)]
    assert main(["truth", "--min-annotators", "2", *where]) == 0
    assert workspace.read_arrow("truth")["state"].to_pylist() == ["in_review"]

    push_disputes(workspace, settings, eve, show_votes)
    asked = read_tasks(workspace)[-1]
    with browser(label_studio.server.url, eve, PASSWORD) as page:
        for theme in ("Light", "Dark"):
            set_theme(page, theme)
            open_stream(page, label_studio.server.url, asked.project_id, ROW)
            assert faint_texts(page) == [], theme
            assert page.locator(ROW).evaluate_all(KEY_HEIGHTS) == [True, True]  # beside the name, not below it
        assert page.locator(ROW).count() == page.locator(REJECTION).count() == 2
        assert page.locator(".reground input:checked").count() == 0
        assert ("1 yes, 1 no" in page.locator(".rows").inner_text()) is show_votes
        valid, not_valid = (asked.question.class_idxs.index(ClassIdx(label)) for label in LABELS)
        page.locator(ROW).nth(valid).locator("label").click()
        page.keyboard.press("qw"[not_valid])
        assert page.locator(f"{REJECTION} input:checked").count() == page.locator(f"{ROW} input:checked").count() == 1
        page.fill(".comment textarea", "spots all over")
        with page.expect_response(lambda answer: "/annotations" in answer.url and answer.request.method == "POST"):
            page.click("[aria-label=submit], button:has-text('Submit')")
        page.wait_for_load_state("networkidle")
    summary = pull_votes(workspace, settings)
    assert (summary.decisions, summary.dropped) == (2, 0)
    rows = workspace.read_arrow("decisions").to_pylist()
    assert {row["class_idx"]: row["answer"] for row in rows} == {251: "yes", 246: "no"}
    assert {row["comment"] for row in rows} == {"spots all over"}

    with browser(label_studio.server.url, eve, PASSWORD) as page:  # the link shows this very answer
        page.goto(rows[0]["link"])
        page.wait_for_selector(ROW)
        page.wait_for_selector(f"{ROW} input:checked")
        assert page.locator(f"{REJECTION} input:checked").count() == 1

    assert main(["truth", "--min-annotators", "2", *where]) == 0
    (row,) = workspace.read_arrow("truth").to_pylist()
    assert (row["state"], row["outcome"], row["labels"]) == ("settled", "confirmed", [251])
    capsys.readouterr()
    assert main(["truth", "diff", "1", "2", *where]) == 0 and "decisions" in capsys.readouterr().out
    assert main(["export", "--format", "imagenet-multilabel", str(tmp_path / "out"), *where]) == 0
    with (tmp_path / "out" / "lineage.csv").open(newline="") as handle:
        lineage = {int(row["class_idx"]): row for row in csv.DictReader(handle)}
    assert {label: (row["answer"], row["origin"]) for label, row in lineage.items()} == {
        251: ("yes", "decision"),
        246: ("no", "decision"),
    }
    assert {row["comment"] for row in lineage.values()} == {"spots all over"}
    assert "2 labels of 1 image, by 1 person" in (tmp_path / "out" / "DATA_CARD.md").read_text()
