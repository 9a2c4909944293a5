"""Where each label comes from: votes, or a curator, whose decision is told with the votes beside it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from reground.annotations.truth import step as truth
from reground.annotations.truth.step import TruthSettings
from reground.tasks.export.export import CARD, export
from reground.tasks.export.lineage import COLUMNS, FILE
from reground.tasks.images import load_classes
from reground.tasks.workspace import Workspace, finish, retire, run_shard, todo
from tests.support.tables import decision, image, put, vote

A, B = (f"ILSVRC2012_val_{number:08d}" for number in (1, 2))
ABOUT = {"yes_votes": 1, "no_votes": 1, "comment": "the fin, see =A1"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Image A has a tie that a curator decides, B votes alone and a label that is not decided."""
    made = Workspace(tmp_path / "w")
    put(made, "classes", load_classes())
    put(made, "images", [image(A, 7), image(B, 7)])
    letters = {(A, 7): "yy", (A, 3): "yn", (B, 7): "yy", (B, 3): "nn", (B, 4): "ym"}
    words = {"y": "yes", "n": "no", "m": "maybe"}
    rows = [
        vote(image_id, label, f"p{n}", words[letter])
        for (image_id, label), answers in letters.items()
        for n, letter in enumerate(answers)
    ]
    put(made, "votes", [*rows, vote(A, 5, "p0")])
    put(made, "decisions", [decision(A, 3, "no", **ABOUT), decision(A, 5, "yes", who="8")])
    make_truth(made)
    return made


def make_truth(workspace: Workspace) -> None:
    settings = TruthSettings(min_annotators=2)
    plan = todo(truth.STEP, workspace, settings)
    retire(truth.STEP, workspace, plan)
    for shard in plan.missing:
        run_shard(truth.STEP, workspace, settings, shard)
    finish(truth.STEP, workspace, plan)


def rows_of(folder: Path) -> dict[tuple[str, int], dict[str, str]]:
    with (folder / FILE).open(newline="", encoding="utf-8") as handle:
        return {(row["image_id"], int(row["class_idx"])): row for row in csv.DictReader(handle)}


def short(row: dict[str, Any]) -> tuple[str, str, str, str, str, str]:
    return (row["answer"], row["origin"], row["yes_votes"], row["no_votes"], row["maybe_votes"], row["curator"])


def test_every_judged_label_says_where_it_comes_from(workspace: Workspace, tmp_path: Path) -> None:
    rows = rows_of(export(workspace, "real", tmp_path / "out").folder)
    assert {pair: short(row) for pair, row in rows.items()} == {
        (A, 3): ("no", "decision", "1", "1", "0", "label-studio:9"),
        (A, 5): ("yes", "decision", "1", "0", "0", "label-studio:8"),
        (A, 7): ("yes", "votes", "2", "0", "0", ""),
        (B, 3): ("no", "votes", "0", "2", "0", ""),
        (B, 4): ("yes", "votes", "1", "0", "1", ""),
        (B, 7): ("yes", "votes", "2", "0", "0", ""),
    }
    row = rows[A, 3]
    assert tuple(row) == COLUMNS and row["label"] == "tiger shark" and row["confidence"] == "0"
    assert (row["comment"], row["answer_id"]) == ("the fin, see =A1", "label-studio:2:6")
    assert row["decided_at"].startswith("2026-01-02T")


def test_the_data_card_counts_decisions(workspace: Workspace, tmp_path: Path) -> None:
    card = (export(workspace, "real", tmp_path / "out").folder / CARD).read_text()
    line = "2 labels of 1 image, by 2 people; 0 against the majority of the votes, 1 where votes were tied"
    assert line in card and "eve@lab" not in card and "have changed" not in card


def test_a_decision_that_changed_since_is_not_told_as_the_reason(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, "decisions", [decision(A, 3, "yes", **ABOUT)])
    folder = export(workspace, "real", tmp_path / "out").folder
    assert "2 of these decisions have changed since this truth was made" in (folder / CARD).read_text()
    assert {short(rows_of(folder)[A, label])[-1] for label in (3, 5)} == {""}
    make_truth(workspace)
    again = export(workspace, "real", tmp_path / "again").folder
    assert short(rows_of(again)[A, 3])[:2] == ("yes", "decision") and "have changed" not in (again / CARD).read_text()


def test_without_votes_there_is_nothing_to_tell(tmp_path: Path) -> None:
    bare = Workspace(tmp_path / "w")
    put(bare, "classes", load_classes())
    put(bare, "images", [image(A, 7)])
    make_truth(bare)
    folder = export(bare, "real", tmp_path / "out").folder
    assert rows_of(folder) == {} and "curators" not in (folder / CARD).read_text()
