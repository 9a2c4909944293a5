"""Votes of one's own in a CSV: what comes in, what is left out, what is refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.annotations.published import import_votes, shards
from reground.tasks.errors import UsageError
from reground.tasks.votes import ANSWERS
from reground.tasks.workspace import Workspace
from tests.support.published_answers import (
    ONE,
    TWO,
    dropped,
    votes,
)
from tests.support.tables import image, put
from tests.support.vote_files import CSV, answers, write_csv


def test_own_votes(workspace: Workspace, tmp_path: Path) -> None:
    head = f"{CSV},question,main,num_objects,seconds,at,submission,original"
    lines = [
        "cat_1,tench,ann,yes,classify,yes,2,3.5,2026-01-31T13:00:00+01:00,s1,n01440764",
        "cat_1,n01443537,ann,no,classify,,2,3.5,2026-01-31T13:00:00+01:00,s1,",
        "cat_2,389,bob,maybe,,,,,,,",
    ]
    found = import_votes(workspace, "csv", write_csv(tmp_path, *lines, head=head))
    assert found == {"votes": 3, "images": 2, "annotators": 2, "original_labels": 1, "dropped": 0, "repeated": 0}
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
    path = write_csv(
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


@pytest.mark.parametrize("label", ["1000.0", "tunch, Tinca tinca"])
def test_a_file_without_a_usable_answer_is_refused_with_the_first_reason(
    workspace: Workspace, tmp_path: Path, label: str
) -> None:
    with pytest.raises(UsageError, match=rf"none of the 2 can be used: 2 label_unknown .*line 2: .*{label}"):
        import_votes(workspace, "csv", write_csv(tmp_path, f'a,"{label}",ann,yes', f'b,"{label}",ann,yes'))
    assert not workspace.tables()


def test_a_vote_that_comes_again_counts_once(workspace: Workspace, tmp_path: Path) -> None:
    again = ["a,0,ann,yes", "a,n01440764,ann,YES", "a.JPEG,tench,ann,yes", "a,1,ann,no", "a,1,ann,no"]
    counts = import_votes(workspace, "csv", write_csv(tmp_path, *again))
    assert (counts["votes"], counts["repeated"]) == (2, 3)
    assert answers(workspace) == {("ann", "a", 0, "yes"), ("ann", "a", 1, "no")}


def test_contradictions_are_told_with_their_lines(workspace: Workspace, tmp_path: Path) -> None:
    lines = ["a,0,ann,yes", "a,0,bob,yes", "a,n01440764,ann,no", "b,1,cy,no", "b,1,cy,maybe"]
    with pytest.raises(UsageError) as error:
        import_votes(workspace, "csv", write_csv(tmp_path, *lines))
    assert "found 2 that say something else" in str(error.value)
    assert "ann says yes and no to tench in a (rate; lines 2 and 4)" in str(error.value)
    assert "cy says no and maybe to goldfish in b (rate; lines 5 and 6)" in str(error.value)
    assert not workspace.tables()
    several = [f"a,{label},ann,{answer}" for answer in ("yes", "no") for label in range(7)]
    with pytest.raises(UsageError, match=r"found 7 .*; and 2 more\. Keep one of each"):
        import_votes(workspace, "csv", write_csv(tmp_path, *several))


def test_the_question_is_part_of_the_key(workspace: Workspace, tmp_path: Path) -> None:
    lines = ["a,0,ann,yes,contains", "a,0,ann,no,classify", "a,1,ann,no,classify", "b,0,ann,yes,classify"]
    counts = import_votes(workspace, "csv", write_csv(tmp_path, *lines, head=f"{CSV},question"))
    assert (counts["votes"], counts["repeated"]) == (4, 0)


ROWS = st.lists(
    st.tuples(
        st.sampled_from("ab"), st.sampled_from([0, 1]), st.sampled_from(["ann", "bob"]), st.sampled_from(ANSWERS)
    ),
    min_size=1,
    max_size=12,
)


@given(rows=ROWS)
def test_one_person_has_one_vote_on_a_pair_whatever_the_order(rows: list[tuple[str, int, str, str]]) -> None:
    votes_by_key: dict[tuple[str, int, str], set[str]] = {}
    for image_id, label, person, answer in rows:
        votes_by_key.setdefault((image_id, label, person), set()).add(answer)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(f"{folder}/W")
        path = write_csv(Path(folder), *(",".join(map(str, row)) for row in rows))
        if any(len(given_answers) > 1 for given_answers in votes_by_key.values()):
            with pytest.raises(UsageError, match="Keep one of each"):
                import_votes(workspace, "csv", path)
            assert not workspace.tables()
            return
        counts = import_votes(workspace, "csv", path)
        assert counts["repeated"] == len(rows) - len(votes_by_key)
        expected = {(person, i, label, *given_answers) for (i, label, person), given_answers in votes_by_key.items()}
        assert answers(workspace) == expected and counts["votes"] == len(expected)


def test_a_submission_that_contradicts_itself_is_left_out(workspace: Workspace, tmp_path: Path) -> None:
    head = f"{CSV},question,main,num_objects,submission"
    lines = [
        "a,0,ann,yes,classify,yes,1,s1",
        "a,1,ann,no,classify,,1,s1",
        "b,0,ann,yes,classify,,,s2",
        "b,1,ann,no,classify,yes,,s2",  # the main label is not among the valid ones
        "c,0,ann,yes,classify,yes,1,s3",
        "c,1,ann,yes,classify,yes,1,s3",  # two main labels
        "d,0,ann,no,classify,,2,s4",  # two objects of no valid label
        "e,0,ann,no,classify,,,s5",
    ]
    counts = import_votes(workspace, "csv", write_csv(tmp_path, *lines, head=head))
    assert (counts["votes"], counts["dropped"]) == (3, 3)
    assert {image_id for _, image_id, _, _ in answers(workspace)} == {"a", "e"}
    expected = [(f"crowd:s{number}", "answer_invalid") for number in (2, 3, 4)]
    assert sorted(dropped(workspace)) == expected


def test_another_file_of_the_same_source_replaces_nothing_by_the_way(workspace: Workspace, tmp_path: Path) -> None:
    ann = write_csv(tmp_path / "ann", "a,0,ann,yes", "b,0,ann,no")
    bob = write_csv(tmp_path / "bob", "a,0,bob,yes", "b,0,bob,no")
    import_votes(workspace, "csv", ann)
    before = workspace.entries()
    with pytest.raises(UsageError, match=r"remove or change 2 of the 2 votes of the source 'crowd'.* --replace .* --s"):
        import_votes(workspace, "csv", bob)
    assert workspace.entries() == before
    assert import_votes(workspace, "csv", ann)["votes"] == 2  # the same again
    import_votes(workspace, "csv", bob, source="bob")
    assert sorted(votes(workspace)["source"]) == ["bob", "bob", "crowd", "crowd"]
    more = write_csv(tmp_path / "more", "a,0,ann,yes", "b,0,ann,no", "c,0,ann,no")
    assert import_votes(workspace, "csv", more)["votes"] == 3  # nothing is lost
    changed = write_csv(tmp_path / "changed", "a,0,ann,no", "b,0,ann,no", "c,0,ann,no")
    with pytest.raises(UsageError, match=r"change 1 of the 3 votes .*first: .*image_id a, class_idx 0, answer yes"):
        import_votes(workspace, "csv", changed)
    import_votes(workspace, "csv", changed, replace=True)
    assert ("ann", "a", 0, "no") in answers(workspace)
    import_votes(workspace, "csv", bob, replace=True)
    assert len(votes(workspace)) == 4


def test_sources_that_are_taken(workspace: Workspace, tmp_path: Path) -> None:
    bob = write_csv(tmp_path, "a,0,bob,yes")
    for format, source in (("csv", "reassessed-imagenet"), ("csv", "a/b"), ("real", "mine")):
        with pytest.raises(UsageError, match=f"'{source}'"):
            import_votes(workspace, format, bob, source=source)


def test_many_lines_come_in_shards(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "CHUNK_SIZE", 10)
    lines = [f"cat_{n},{n},ann,yes" for n in range(25)]
    assert import_votes(workspace, "csv", write_csv(tmp_path, *lines))["votes"] == 25
    assert len(workspace.parts("votes")) == 3
    assert (
        import_votes(workspace, "csv", write_csv(tmp_path, *lines[:5]), replace=True)["votes"]
        == 5
        == len(votes(workspace))
    )


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("a,0,ann,sure", r"unknown answer \(.*crowd\.csv, line 2\) 'sure': expected one of: maybe, no, yes"),
        ("a,0,,yes", r"line 2: expected annotator to be filled in, found it empty"),
        ("a,0,ann", "line 2: expected 4 cells"),
        ('a,0,"ann,yes', "expected a CSV"),
    ],
)
def test_malformed_lines_are_named_and_nothing_comes_in(
    workspace: Workspace, tmp_path: Path, line: str, complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        import_votes(workspace, "csv", write_csv(tmp_path, line))
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
        import_votes(workspace, "csv", write_csv(tmp_path, f"a,0,ann,yes,{value}", head=f"{CSV},{cell}"))


def test_names_that_would_be_taken_for_others(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown format of votes 'coco': expected one of: csv, imagenet-multilabel"):
        import_votes(workspace, "coco", tmp_path)
    path = write_csv(tmp_path, "a,0,ann,yes").rename(tmp_path / "label-errors.csv")
    with pytest.raises(UsageError, match="get the source 'label-errors'"):
        import_votes(workspace, "csv", path)
    with pytest.raises(UsageError, match=r"expected one answer a line, .* but found none"):
        import_votes(workspace, "csv", write_csv(tmp_path))


@pytest.mark.parametrize("column", ["image_id", "label", "answer", "seconds", "at"])
def test_a_message_has_the_beginning_of_a_long_cell(workspace: Workspace, tmp_path: Path, column: str) -> None:
    put(workspace, "images", [image("cat_1", 0)])
    cells = {"image_id": "cat_1", "label": "0", "annotator": "ann", "answer": "yes", "seconds": "1", "at": ""}
    line = ",".join({**cells, column: "9" * 100_000}.values())
    with pytest.raises(UsageError, match=r"9\.\.\. \(100,000 characters\)") as caught:
        import_votes(workspace, "csv", write_csv(tmp_path, line, head=",".join(cells)))
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("seconds", ["1e99", "1e39", "1" * 10, "inf", "nan"])
def test_seconds_are_finite(workspace: Workspace, tmp_path: Path, seconds: str) -> None:
    put(workspace, "images", [image("cat_1", 0)])
    with pytest.raises(UsageError, match=f"expected seconds to be a number from 0 up, found '{seconds}'"):
        import_votes(workspace, "csv", write_csv(tmp_path, f"cat_1,0,ann,yes,{seconds}", head=f"{CSV},seconds"))
