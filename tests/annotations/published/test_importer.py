"""Published votes: readers against folders laid out as their publishers', and against the real data."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.annotations.published import imagenet_multilabel, import_votes
from reground.tasks.errors import UsageError
from reground.tasks.votes import REASSESSED as REAL
from reground.tasks.workspace import Workspace, run_shard
from tests.support.published_answers import (
    LAST,
    ONE,
    TWO,
    WNIDS,
    dropped,
    label_errors,
    multilabel,
    raters,
    real,
    votes,
)
from tests.support.tables import class_row, image, put


def test_classify_answers(workspace: Workspace, tmp_path: Path) -> None:
    found = import_votes(workspace, "imagenet-multilabel", multilabel(tmp_path / "m"))
    assert found == {"votes": 6, "images": 2, "annotators": 0, "original_labels": 3, "dropped": 0}
    table = votes(workspace).set_index(["image_id", "annotator_id", "class_idx"]).sort_index()
    first, second = (f"imagenet-multilabel:anonymous-{ONE}-0{n}" for n in (1, 2))
    assert table.loc[(ONE, first)]["answer"].to_dict() == {0: "yes", 389: "no"}
    assert table.loc[(ONE, second)]["answer"].to_dict() == {0: "yes", 389: "yes"}
    assert table.loc[(ONE, second)]["main"].to_dict() == {0: False, 389: True}
    assert table.loc[(ONE, second)]["num_objects"].to_dict() == {0: 2, 389: 2}
    assert table.loc[TWO]["answer"].tolist() == ["no", "yes"]  # the original label was shown too
    assert set(table["source"]) == {"imagenet-multilabel"} and set(table["question"]) == {"classify"}
    originals = workspace.read("original_labels").set_index("image_id")
    assert originals["routing"].to_dict() == {ONE: "several", TWO: "several", LAST[:-5]: "never_selected"}
    assert originals["class_idx"].isna().tolist() == [False, False, True]


def test_an_answer_whose_main_label_was_not_ticked_is_set_aside(workspace: Workspace, tmp_path: Path) -> None:
    rows = [{"image": ONE, "main": [0, 5], "selected": [[0], [389]], "imagenet_label": 0}]
    import_votes(workspace, "imagenet-multilabel", multilabel(tmp_path / "m", rows))
    assert dropped(workspace) == [(f"imagenet-multilabel:{ONE}:02", "answer_invalid")]
    assert votes(workspace)["answer_id"].nunique() == 1


def test_raters_answers(workspace: Workspace, tmp_path: Path) -> None:
    found = import_votes(workspace, "real", real(tmp_path / "r"))
    assert found == {"votes": 18 * 2 + 9 + 15, "images": 2, "annotators": 23, "original_labels": 50_000, "dropped": 0}
    table = votes(workspace)
    assert table.groupby("source").size().to_dict() == {REAL: 45, f"{REAL}-experts": 15}
    one = table[(table["annotator_id"] == f"{REAL}:117") & (table["source"] == REAL)]
    answers = {(row["image_id"], row["class_idx"]): row["answer"] for row in one.to_dict("records")}
    assert answers == {(ONE, 0): "yes", (ONE, 389): "maybe", (TWO, 0): "yes"}
    assert set(table["question"]) == {"rate"} and one["answer_id"].nunique() == 2
    people = workspace.read("annotators").set_index("annotator_id")
    assert people["votes"][f"{REAL}:117"] == 3 and people["agreement"][f"{REAL}:100"] == pytest.approx(1)


def test_verdicts(workspace: Workspace, tmp_path: Path) -> None:
    found = import_votes(workspace, "label-errors", label_errors(tmp_path / "l"))
    assert found == {"votes": 10, "images": 1, "annotators": 0, "original_labels": 2, "dropped": 0}
    table = votes(workspace)
    yes = table[table["answer"] == "yes"].groupby("class_idx").size().to_dict()
    assert yes == {0: 2, 389: 3} and table["answer_id"].nunique() == 5 and set(table["question"]) == {"compare"}
    assert workspace.read("original_labels")["class_idx"].tolist() == [0, 0]


def test_every_source_stands_beside_the_others_and_again_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    folders = {"imagenet-multilabel": multilabel, "real": real, "label-errors": label_errors}
    paths = {name: make(tmp_path / name) for name, make in folders.items()}
    first = {name: import_votes(workspace, name, path) for name, path in paths.items()}
    before = {table: workspace.table_digest(table) for table in workspace.tables()}
    assert {name: import_votes(workspace, name, path) for name, path in paths.items()} == first
    assert {table: workspace.table_digest(table) for table in workspace.tables()} == before
    assert len(votes(workspace)) == sum(found["votes"] for found in first.values())
    assert len(workspace.read("classes")) == 1000


def test_a_smaller_release_replaces_the_larger(workspace: Workspace, tmp_path: Path) -> None:
    folder = real(tmp_path / "r")
    import_votes(workspace, "real", folder)
    (folder / "golden.npz").unlink()
    raters(folder / "raters.npz", [["yes"]], [(ONE, 0)])
    with pytest.raises(UsageError, match="remove or change 59 of the 60 votes of the source 'reassessed-imagenet'"):
        import_votes(workspace, "real", folder)
    assert import_votes(workspace, "real", folder, replace=True)["votes"] == 1 == len(votes(workspace))


def test_classes_are_matched_by_wordnet_id(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, "classes", [{**class_row(5, "tench"), "wnids": [WNIDS[0]]}])
    found = import_votes(workspace, "real", real(tmp_path / "r"))
    assert set(votes(workspace)["class_idx"]) == {5} and found["dropped"] == 3
    assert {item for item, _ in dropped(workspace)} == {f"{REAL}: {WNIDS[389]}", f"{REAL}-experts: {WNIDS[389]}"}
    assert {reason for _, reason in dropped(workspace)} == {"label_unknown"}


def test_votes_on_none_of_the_classes_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, "classes", [{**class_row(5, "dragon"), "wnids": ["n99999999"]}])
    with pytest.raises(UsageError, match="found none of their WordNet ids among its 1 classes"):
        import_votes(workspace, "real", real(tmp_path / "r"))
    assert workspace.tables() == ["classes"]


def test_sources_that_name_different_originals(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, "images", [image(ONE, 3), image(TWO, 0)])
    import_votes(workspace, "imagenet-multilabel", multilabel(tmp_path / "m"))
    table = workspace.read("dropped")
    assert table["reason"].tolist() == ["original_disputed"] and table["item"].tolist() == [ONE]
    assert table["detail"].tolist() == ["class 0 in imagenet-multilabel, 3 in images"]


def test_indexing_images_later_takes_the_classes_over(workspace: Workspace, tmp_path: Path) -> None:
    from PIL import Image

    from reground.tasks.images import index

    import_votes(workspace, "label-errors", label_errors(tmp_path / "l"))
    (tmp_path / "val" / WNIDS[0]).mkdir(parents=True)
    Image.new("RGB", (20, 20)).save(tmp_path / "val" / WNIDS[0] / f"{ONE}.JPEG")
    settings = index.IndexSettings(images=str(tmp_path / "val"))
    for shard in index.plan(workspace, settings):
        run_shard(index.STEP, workspace, settings, shard)
    assert len(workspace.read("classes")) == 1000 and len(workspace.read("images")) == 1


def test_a_shard_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[object] = []
    build = imagenet_multilabel._build
    monkeypatch.setattr(imagenet_multilabel, "_build", lambda *inputs: built.append(inputs) or build(*inputs))
    folder = multilabel(tmp_path / "published")
    import_votes(Workspace(tmp_path / "w"), "imagenet-multilabel", folder)
    assert len(built) == 1
    import_votes(Workspace(tmp_path / "w"), "imagenet-multilabel", folder)
    assert len(built) == 1, "nothing is built again"
