"""Choices of labels, as crowdsourcing platforms and label-quality libraries keep them: files of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest

from reground.annotations.published import import_votes
from reground.tasks.errors import UsageError
from reground.tasks.workspace import Workspace
from tests.support.published_answers import dropped, votes
from tests.support.tables import image, put
from tests.support.vote_files import answers, write_csv

TENCH, GOLDFISH, SHARK = 0, 1, 2
COLUMNS = {"image_id": "task", "label": "label", "annotator": "worker"}
VOTES = {
    ("w1", "a", TENCH, "yes"),
    ("w1", "a", GOLDFISH, "no"),  # which w2 chose, so that it was on offer
    ("w2", "a", TENCH, "no"),
    ("w2", "a", GOLDFISH, "yes"),
    ("w1", "b", SHARK, "yes"),
    ("w1", "b", TENCH, "no"),  # the original label, which is on the list
}
"""Of w1, who chose tench for a and the shark for b, and of w2, who chose goldfish for a."""


@pytest.fixture
def images(workspace: Workspace) -> Workspace:
    put(workspace, "images", [image("a", TENCH), image("b", TENCH)])
    return workspace


MTURK = """\
"HITId","WorkerId","AssignmentId","AssignmentStatus","WorkTimeInSeconds","Input.image_url","Answer.category.label"
"H1","w1","A1","Approved","11","https://bucket.example/set/a.jpg?version=2","tench"
"H1","w2","A2","Approved","13","https://bucket.example/set/a.jpg","goldfish"
"H2","w1","A3","Submitted","9","https://bucket.example/set/b.jpg","great white shark"
"""
TOLOKA = """\
INPUT:image\tOUTPUT:result\tGOLDEN:result\tHINT:text\tASSIGNMENT:assignment_id\tASSIGNMENT:worker_id\tASSIGNMENT:status
/set/a.jpg\ttench\t\t\tA1\tw1\tAPPROVED

/set/a.jpg\tgoldfish\t\t\tA2\tw2\tAPPROVED
/set/b.jpg\tn01484850\t\t\tA1\tw1\tAPPROVED
"""
FILES: dict[str, tuple[str, Mapping[str, str]]] = {
    "Batch_1_batch_results.csv": (
        MTURK,
        {
            "image_id": "Input.image_url",
            "label": "Answer.category.label",
            "annotator": "WorkerId",
            "submission": "AssignmentId",
            "seconds": "WorkTimeInSeconds",
        },
    ),
    "assignments.tsv": (
        TOLOKA,
        {"image_id": "INPUT:image", "label": "OUTPUT:result", "annotator": "ASSIGNMENT:worker_id"},
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_results_of_crowdsourcing_platforms(images: Workspace, tmp_path: Path, name: str) -> None:
    text, columns = FILES[name]
    (tmp_path / name).write_text(text)
    counts = import_votes(images, "", tmp_path / name, columns=columns)
    assert answers(images) == VOTES and (counts["dropped"], counts["repeated"]) == (0, 0)
    frame = votes(images)
    assert set(frame["question"]) == {"classify"} and frame["num_objects"].isna().all()
    assert frame["main"].tolist() == (frame["answer"] == "yes").tolist()  # each chose one label: the main one
    assert frame["seconds"].notna().all() == ("seconds" in columns)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
@pytest.mark.parametrize("annotator", ["worker", "annotator"], ids=["crowd-kit", "cleanlab"])
def test_frames_of_label_quality_libraries(images: Workspace, tmp_path: Path, suffix: str, annotator: str) -> None:
    """With the index that pandas writes along, and indices that a gap in the column has made floats."""
    rows = [("a", "w1", 0), ("a", "w2", 1), ("b", "w1", 2)]
    frame = pd.DataFrame(rows, columns=["task", annotator, "label"], index=[7, 8, 9]).astype({"label": float})
    path = tmp_path / f"frame{suffix}"
    if suffix == ".csv":
        frame.to_csv(path)
    elif suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=True)
    import_votes(images, "", path, columns={**COLUMNS, "annotator": annotator})
    assert answers(images) == VOTES


def test_answers_by_word(images: Workspace, tmp_path: Path) -> None:
    lines = ["x/a.JPEG,tench,w1,True", "x/a.JPEG,goldfish,w1,0", "x/b.JPEG,tench,w1,Maybe", "x/b.JPEG,tench,w2,N"]
    path = write_csv(tmp_path, *lines, head="Input.file,Input.label,WorkerId,Answer.valid")
    columns = {"image_id": "Input.file", "label": "Input.label", "annotator": "WorkerId", "answer": "Answer.valid"}
    import_votes(images, "csv", path, columns=columns)
    assert answers(images) == {
        ("w1", "a", TENCH, "yes"),
        ("w1", "a", GOLDFISH, "no"),
        ("w1", "b", TENCH, "maybe"),
        ("w2", "b", TENCH, "no"),
    }
    assert set(votes(images)["question"]) == {"rate"}


def test_the_original_label_counts_as_offered_if_it_is_on_the_list(images: Workspace, tmp_path: Path) -> None:
    """Nobody chose it for b, whose label it is; somebody did for a, so that it is on the list."""
    path = write_csv(tmp_path, "a,w1,tench", "b,w1,goldfish", head="task,worker,label")
    import_votes(images, "csv", path, columns=COLUMNS)
    assert answers(images) == {("w1", "a", TENCH, "yes"), ("w1", "b", GOLDFISH, "yes"), ("w1", "b", TENCH, "no")}
    other = write_csv(tmp_path, "b,w1,goldfish", head="task,worker,label", name="other.csv")
    import_votes(images, "csv", other, columns=COLUMNS)
    frame = votes(images)
    assert len(frame[frame["source"] == "other"]) == 1  # of tench nothing is known there


@pytest.mark.parametrize(
    "cell", ['"[""tench"", ""goldfish""]"', '"{""choices"": [""tench"", ""goldfish""]}"', "tench|goldfish"]
)
def test_several_labels_in_a_cell(images: Workspace, tmp_path: Path, cell: str) -> None:
    path = write_csv(tmp_path, f"a,w1,{cell}", "a,w2,tench", head="task,worker,label")
    import_votes(images, "csv", path, columns=COLUMNS)
    expected = {("w1", "a", TENCH, "yes"), ("w1", "a", GOLDFISH, "yes"), ("w2", "a", TENCH, "yes")}
    assert answers(images) == {*expected, ("w2", "a", GOLDFISH, "no")}
    frame = votes(images)
    assert set(frame["annotator_id"][frame["main"]]) == {"crowd:w2"}  # w1 did not say which of two is the main one


def test_none_of_these_is_no_to_all_and_unknown_options_are_nothing(images: Workspace, tmp_path: Path) -> None:
    lines = ["a,w1,tench", "a,w2,None of these", "a,w3,not sure", "a,w4,none", "a,w4,tench"]
    counts = import_votes(images, "csv", write_csv(tmp_path, *lines, head="task,worker,label"), columns=COLUMNS)
    assert answers(images) == {("w1", "a", TENCH, "yes"), ("w2", "a", TENCH, "no")}
    assert counts["dropped"] == 2
    assert dropped(images) == [("crowd.csv, line 4", "label_unknown"), ("crowd.csv, line 5", "answer_invalid")]


def test_a_choice_made_twice_counts_once_and_two_choices_contradict(images: Workspace, tmp_path: Path) -> None:
    columns = {**COLUMNS, "submission": "assignment"}
    head = "task,worker,label,assignment"
    twice = write_csv(tmp_path, "a,w1,tench,A1", "a,w1,tench,A2", head=head)
    counts = import_votes(images, "csv", twice, columns=columns)
    assert (counts["votes"], counts["repeated"]) == (1, 1)
    other = write_csv(tmp_path, "a,w1,tench,A1", "a,w1,goldfish,A2", head=head, name="other.csv")
    with pytest.raises(UsageError, match=r"w1 says yes and no to tench in a \(classify; lines 2 and 3\)"):
        import_votes(images, "csv", other, columns=columns)


def test_malformed_choices(images: Workspace, tmp_path: Path) -> None:
    for cell, message in (("[3", "expected JSON"), ("{}", "expected a label, a list of labels or"), ("", "label")):
        path = write_csv(tmp_path, f"a,w1,{cell}", head="task,worker,label")
        with pytest.raises(UsageError, match=f"line 2: .*{message}"):
            import_votes(images, "csv", path, columns=COLUMNS)
    with pytest.raises(UsageError, match="the format real"):
        import_votes(images, "real", tmp_path, columns=COLUMNS)
    with pytest.raises(UsageError, match="give the format, one of imagenet-multilabel"):
        import_votes(images, "", tmp_path)
