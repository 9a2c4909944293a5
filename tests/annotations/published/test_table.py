"""Votes of one's own in a CSV: what comes in, what is left out, what is refused."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reground.annotations.published import csv as csv_module
from reground.annotations.published import import_votes
from reground.tasks.errors import UsageError
from reground.tasks.workspace import Workspace
from tests.support.published_answers import (
    ONE,
    TWO,
    dropped,
    votes,
)
from tests.support.tables import image, put

CSV = "image_id,label,annotator,answer"


def csv(tmp_path: Path, *lines: str, head: str = CSV) -> Path:
    path = tmp_path / "crowd.csv"
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def test_own_votes(workspace: Workspace, tmp_path: Path) -> None:
    head = f"{CSV},question,main,num_objects,seconds,at,submission,original"
    lines = [
        "cat_1,tench,ann,yes,classify,yes,2,3.5,2026-01-31T13:00:00+01:00,s1,n01440764",
        "cat_1,n01443537,ann,no,classify,,2,3.5,2026-01-31T13:00:00+01:00,s1,",
        "cat_2,389,bob,maybe,,,,,,,",
    ]
    found = import_votes(workspace, "csv", csv(tmp_path, *lines, head=head))
    assert found == {"votes": 3, "images": 2, "annotators": 2, "original_labels": 1, "dropped": 0}
    first, second, third = votes(workspace).to_dict("records")
    assert (first["class_idx"], first["main"], first["num_objects"], first["seconds"]) == (0, True, 2, 3.5)
    assert (first["at"], first["answer_id"], first["annotator_id"]) == (
        "2026-01-31T12:00:00.000000+00:00",
        "crowd:s1",
        "crowd:ann",
    )
    assert (second["class_idx"], second["answer_id"]) == (1, "crowd:s1")
    assert (third["question"], third["answer"], third["source"], pd.isna(third["at"])) == (
        "rate",
        "maybe",
        "crowd",
        True,
    )


def test_unknown_images_and_labels_are_left_out_with_the_line(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, "images", [image("a", 0)])
    path = csv(
        tmp_path, "a,0,ann,yes", "b,0,ann,yes", "a,no such thing,ann,yes", f"{ONE},1000,ann,no", f"{TWO},0,ann,no"
    )
    assert import_votes(workspace, "csv", path)["votes"] == 2
    assert dropped(workspace) == [
        ("crowd.csv, line 3", "image_unknown"),
        ("crowd.csv, line 4", "label_unknown"),
        ("crowd.csv, line 5", "label_unknown"),
    ]
    put(workspace, "images", [image("a", 0), image("b", 0)])
    assert import_votes(workspace, "csv", path)["votes"] == 3  # an image indexed since is known now


@pytest.mark.parametrize("label", ["0.0", "tench, Tinca tinca"])
def test_a_file_without_a_usable_answer_is_refused_with_the_first_reason(
    workspace: Workspace, tmp_path: Path, label: str
) -> None:
    with pytest.raises(UsageError, match=rf"none of the 2 can be used; line 2: .*{label}"):
        import_votes(workspace, "csv", csv(tmp_path, f'a,"{label}",ann,yes', f'b,"{label}",ann,yes'))
    assert not workspace.tables()


@pytest.mark.parametrize("again", ["a,0,ann,yes", "a,0,ann,no", "a,n01440764,ann,yes"])
def test_one_person_has_one_vote_on_a_pair(workspace: Workspace, tmp_path: Path, again: str) -> None:
    with pytest.raises(UsageError, match=r"line 4: ann answers rate on .* in a again \(first on line 2\)"):
        import_votes(workspace, "csv", csv(tmp_path, "a,0,ann,yes", "a,0,bob,yes", again))
    assert not workspace.tables()
    lines = ["a,0,ann,yes,contains", "a,0,ann,yes,classify", "a,1,ann,no,classify", "b,0,ann,yes,classify"]
    assert import_votes(workspace, "csv", csv(tmp_path, *lines, head=f"{CSV},question"))["votes"] == 4


def test_replaced_votes_are_said_and_another_source_keeps_both(
    workspace: Workspace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import_votes(workspace, "csv", csv(tmp_path, "a,0,ann,yes", "b,0,ann,no"))
    import_votes(workspace, "csv", csv(tmp_path, "a,0,ann,yes", "b,0,ann,no"))
    assert not caplog.messages
    bob = csv(tmp_path, "a,0,bob,yes")
    import_votes(workspace, "csv", bob, source="bob")
    assert not caplog.messages and sorted(votes(workspace)["source"]) == ["bob", "crowd", "crowd"]
    import_votes(workspace, "csv", bob)
    assert "replaced 2 votes of the source 'crowd'" in caplog.text
    for format, source in (("csv", "reassessed-imagenet"), ("csv", "a/b"), ("real", "mine")):
        with pytest.raises(UsageError, match=f"'{source}'"):
            import_votes(workspace, format, bob, source=source)


def test_many_lines_come_in_shards(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_module, "CHUNK_SIZE", 10)
    lines = [f"cat_{n},{n},ann,yes" for n in range(25)]
    assert import_votes(workspace, "csv", csv(tmp_path, *lines))["votes"] == 25
    assert len(workspace.parts("votes")) == 3
    assert import_votes(workspace, "csv", csv(tmp_path, *lines[:5]))["votes"] == 5 == len(votes(workspace))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("a,0,ann,sure", r"unknown answer \(.*crowd\.csv, line 2\) 'sure': expected one of: maybe, no, yes"),
        ("a,0,,yes", r"line 2: expected image_id, label, annotator, answer to be filled in, found annotator empty"),
        ("a,0,ann", "line 2: expected 4 cells"),
        ('a,0,"ann,yes', "expected a CSV"),
    ],
)
def test_malformed_lines_are_named_and_nothing_comes_in(
    workspace: Workspace, tmp_path: Path, line: str, complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        import_votes(workspace, "csv", csv(tmp_path, line))
    assert not workspace.parts("votes")


@pytest.mark.parametrize(
    ("cell", "value", "complaint"),
    [
        ("question", "which", "unknown question"),
        ("main", "perhaps", "unknown main"),
        ("num_objects", "-1", "expected num_objects to be a number"),
        ("seconds", "nan", "expected seconds to be a number"),
        ("at", "yesterday", "expected at in ISO 8601"),
        ("mood", "fine", "unknown column"),
    ],
)
def test_malformed_cells(workspace: Workspace, tmp_path: Path, cell: str, value: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        import_votes(workspace, "csv", csv(tmp_path, f"a,0,ann,yes,{value}", head=f"{CSV},{cell}"))


def test_names_that_would_be_taken_for_others(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown format of votes 'coco': expected one of: csv, imagenet-multilabel"):
        import_votes(workspace, "coco", tmp_path)
    path = csv(tmp_path, "a,0,ann,yes").rename(tmp_path / "label-errors.csv")
    with pytest.raises(UsageError, match="get the source 'label-errors'"):
        import_votes(workspace, "csv", path)
    with pytest.raises(UsageError, match="expected one answer a line, found none"):
        import_votes(workspace, "csv", csv(tmp_path))
