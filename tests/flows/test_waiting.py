"""Who is waited for, and the command that asks them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reground.flows.waiting import waiting
from reground.tasks.schema import ImageState, Outcome
from reground.tasks.workspace import Workspace
from tests.support.tables import annotator, put, put_truth, truth_row


def test_ties_wait_for_a_curator_and_the_rest_for_votes(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    pairs = {"judged": [3, 4], "confidence": [0.5, 0.0], "shown": [2, 2]}
    open_row = {**truth_row("", [], ImageState.IN_REVIEW, None), **pairs, "undecided": [3]}
    rows = [
        {**open_row, "image_id": "tied"},
        {**open_row, "image_id": "one vote", "shown": [1, 2]},
        {**open_row, "image_id": "half asked", "undecided": [3, 4]},
        truth_row("settled", [3], Outcome.CONFIRMED, 3),
    ]
    put_truth(workspace, rows)
    people, curator = waiting(workspace)
    assert people == f"waiting for people: 2 images; next: `reground review push -w {workspace.shell_url}`"
    assert curator.startswith("waiting for a curator, as votes are tied: 1 image; next: `reground review push --ask ")


def test_nothing_waits_without_a_truth(tmp_path: Path) -> None:
    assert waiting(Workspace(tmp_path / "w")) == []


def question(overlap: int, kind: str = "contains") -> dict[str, Any]:
    ids = {"project_id": 1, "task_id": 1, "key": "k", "task_key": "t", "annotator": ""}
    lists = {"image_ids": ["open"], "class_idxs": [3], "options": []}
    return {"round": 1, "question": kind, "overlap": overlap, **ids, **lists}


def submission(number: int) -> dict[str, Any]:
    row = {"answer_id": f"label-studio:1:{number}", "annotator_id": f"label-studio:{number}", "question": "contains"}
    return {**row, "at": "2026-01-01T00:00:00+00:00", "options": 1, "ticked": []}


def test_the_next_command_pulls_only_while_answers_are_missing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    pairs = {"undecided": [3], "judged": [3], "confidence": [1.0], "shown": [2]}
    put_truth(workspace, [{**truth_row("open", [], ImageState.IN_REVIEW, None), **pairs}])
    put(workspace, "questions", [question(2), question(0, "decide")])
    put(workspace, "submissions", [submission(1)])
    assert "next: `reground review pull -w " in "".join(waiting(workspace))
    put(workspace, "submissions", [submission(1), submission(2)])
    assert "next: `reground review push -w " in "".join(waiting(workspace))


def test_annotators_whose_votes_do_not_count_are_mentioned(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    pairs = {"undecided": [3], "judged": [3], "confidence": [1.0], "shown": [2]}
    put_truth(workspace, [{**truth_row("open", [], ImageState.IN_REVIEW, None), **pairs}])
    put(workspace, "annotators", [annotator("x:ann", excluded="gold accuracy"), annotator("x:bob")])
    assert waiting(workspace)[1].startswith("votes of 1 annotator do not count: `reground review annotators -w ")
