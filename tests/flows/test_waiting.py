"""Who is waited for, and the command that asks them."""

from __future__ import annotations

from pathlib import Path

from reground.flows.waiting import waiting
from reground.tasks.schema import ImageState, Outcome
from reground.tasks.workspace import Workspace
from tests.support.tables import put_truth, truth_row


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
