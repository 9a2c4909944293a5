"""Label Studio's own export of Choices: people, skips, drafts and empty submissions are told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reground.annotations.published import import_votes
from reground.tasks.errors import UsageError
from reground.tasks.workspace import Workspace
from tests.support.published_answers import dropped, votes
from tests.support.tables import image, put
from tests.support.vote_files import annotation, answers, choices, write_export

TENCH, GOLDFISH = 0, 1
UPLOAD = {"image": "/data/upload/1/1f0bab12-a.JPEG"}


@pytest.fixture
def images(workspace: Workspace) -> Workspace:
    put(workspace, "images", [image("a", TENCH), image("b", TENCH)])
    return workspace


def test_people_skips_drafts_and_empty_submissions(images: Workspace, tmp_path: Path) -> None:
    task = {
        "id": 1,
        "data": UPLOAD,
        "annotations": [
            annotation(1, 1, choices("tench"), lead_time=4.2, updated_at="2026-01-31T12:00:00.5Z"),
            annotation(2, 2, was_cancelled=True),
            annotation(3, {"id": 3, "email": "c@lab.org"}, choices("tench", "goldfish")),
            annotation(4, 4),
        ],
        "drafts": [{"user": "d@lab.org", "result": [choices("goldfish")]}],
        "predictions": [{"result": [choices("goldfish")], "score": 0.9}],
    }
    path = write_export(tmp_path / "export.json", task)
    counts = import_votes(images, "label-studio", path)
    assert answers(images) == {
        ("1", "a", TENCH, "yes"),
        ("1", "a", GOLDFISH, "no"),
        ("3", "a", TENCH, "yes"),
        ("3", "a", GOLDFISH, "yes"),
    }
    kept = {name: counts[name] for name in ("votes", "annotators", "skipped", "drafts", "empty", "repeated")}
    assert kept == {"votes": 4, "annotators": 2, "skipped": 1, "drafts": 1, "empty": 1, "repeated": 0}
    first = votes(images).set_index(["annotator_id", "class_idx"]).loc[("export:1", TENCH)]
    assert (first["source"], first["question"], first["main"]) == ("export", "classify", True)
    assert first["seconds"] == pytest.approx(4.2) and first["at"] == "2026-01-31T12:00:00.500000+00:00"
    assert import_votes(images, "", path, source="export")["votes"] == 4  # recognised by what is in it


def test_the_last_submission_of_a_person_counts(images: Workspace, tmp_path: Path) -> None:
    late, early = "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"
    submissions = [
        annotation(1, 1, choices("goldfish"), updated_at=late),
        annotation(2, 1, choices("tench"), updated_at=early),
    ]
    path = write_export(tmp_path / "export.json", {"data": UPLOAD, "annotations": submissions})
    assert import_votes(images, "", path)["superseded"] == 1
    assert answers(images) == {("1", "a", GOLDFISH, "yes")}


def test_a_person_who_was_deleted_is_anonymous(images: Workspace, tmp_path: Path) -> None:
    submissions = [annotation(number, None, choices("tench")) for number in (1, 2)]
    path = write_export(tmp_path / "export.json", {"data": UPLOAD, "annotations": submissions})
    counts = import_votes(images, "", path)
    assert (counts["votes"], counts["annotators"]) == (2, 0)
    assert set(votes(images)["annotator_id"]) == {"export:anonymous-1", "export:anonymous-2"}


def test_none_of_these_with_a_label_contradicts_itself(images: Workspace, tmp_path: Path) -> None:
    submissions = [
        annotation(1, 1, choices("tench")),
        annotation(2, 2, choices("None of these", "tench")),
        annotation(3, 3, choices("None of these")),
    ]
    path = write_export(tmp_path / "export.json", {"data": UPLOAD, "annotations": submissions})
    import_votes(images, "", path)
    assert answers(images) == {("1", "a", TENCH, "yes"), ("3", "a", TENCH, "no")}
    assert dropped(images) == [("export.json, task 1", "answer_invalid")]


@pytest.mark.parametrize(
    "data",
    [
        {"image": "a"},
        {"image": "/data/local-files/?d=photographs/a.jpg"},
        {"image": "s3://bucket/val/a.JPEG"},
        {"image": "https://host.example/a.png?signature=x%2Fb.png"},
        {"image": "/data/upload/12/0a1b2c3d-a.JPEG"},
        {"image_id": "a", "image": "/data/upload/1/0a1b2c3d-b.JPEG"},
        {"photo": "a.jpg"},
    ],
)
def test_how_a_task_names_its_image(images: Workspace, tmp_path: Path, data: dict[str, str]) -> None:
    path = write_export(tmp_path / "e.json", {"data": data, "annotations": [annotation(1, 1, choices("tench"))]})
    import_votes(images, "", path)
    assert answers(images) == {("1", "a", TENCH, "yes")}


def test_the_key_of_the_image_and_the_tag_of_the_labels_can_be_named(images: Workspace, tmp_path: Path) -> None:
    data = {"image": "x.jpg", "file": "b.jpg"}
    results = choices("tench", tag="object"), choices("blurred", tag="quality")
    path = write_export(tmp_path / "e.json", {"data": data, "annotations": [annotation(1, 1, *results)]})
    with pytest.raises(UsageError, match=r"expected one Choices tag, found object, quality: .* --columns label="):
        import_votes(images, "", path)
    with pytest.raises(UsageError, match=r"none of the 1 can be used: 1 image_unknown .*no image x\.jpg"):
        import_votes(images, "", path, columns={"label": "object"})
    import_votes(images, "", path, columns={"label": "object", "image_id": "file"})
    assert answers(images) == {("1", "b", TENCH, "yes")}


FAULTS: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "no image": ({"data": {"text": "a", "more": "b"}, "annotations": []}, {}, "task 1: .*found the keys text, more"),
    "skips alone": (
        {"data": UPLOAD, "annotations": [annotation(1, 1, was_cancelled=True)]},
        {},
        r"found none \(skipped 1\)",
    ),
    "annotations": ({"data": UPLOAD, "annotations": 3}, {}, "task 1: expected data as an object and annotations"),
    "result": ({"data": UPLOAD, "annotations": [{"id": 1, "result": ["x"]}]}, {}, "list of objects as the result"),
    "choices": (
        {"data": UPLOAD, "annotations": [annotation(1, 1, {"type": "choices", "value": {"choices": [[]]}})]},
        {},
        "value of a Choices tag as a list of texts",
    ),
    "tag": ({"data": UPLOAD, "annotations": []}, {"label": "x"}, "unknown Choices tag"),
    "column": ({"data": UPLOAD, "annotations": []}, {"annotator": "x"}, "unknown column to name in an export"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_exports_that_say_too_little(images: Workspace, tmp_path: Path, name: str) -> None:
    task, columns, message = FAULTS[name]
    task = {**task, "annotations": task["annotations"]}
    path = write_export(tmp_path / "e.json", task)
    if name == "tag":
        path = write_export(path, {"data": UPLOAD, "annotations": [annotation(1, 1, choices("tench"))]})
    with pytest.raises(UsageError, match=message):
        import_votes(images, "label-studio", path, columns=columns)
    assert "votes" not in images.tables()


def test_an_export_is_no_table(images: Workspace, tmp_path: Path) -> None:
    path = write_export(tmp_path / "e.json", {"data": UPLOAD, "annotations": [annotation(1, 1, choices("tench"))]})
    with pytest.raises(UsageError, match="found an export of Label Studio: give --format label-studio"):
        import_votes(images, "csv", path)
