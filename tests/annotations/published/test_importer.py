"""Published votes: readers against folders laid out as their publishers', and against the real data."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reground.annotations.published import csv as csv_module
from reground.annotations.published import import_votes
from reground.annotations.truth import step as truth
from reground.annotations.truth.step import TruthSettings
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.images import load_classes
from reground.tasks.kernels.objects import cut_weight
from reground.tasks.votes import REASSESSED as REAL
from reground.tasks.workspace import Workspace, run_shard
from tests.support.needs import need_shared
from tests.support.tables import class_row, image, put

ONE, TWO = "ILSVRC2012_val_00000293", "ILSVRC2012_val_00002138"  # both tench, class 0
WNIDS = [row["wnids"][0] for row in load_classes()]


@pytest.fixture
def workspace(workspace_url: str) -> Workspace:
    return Workspace(workspace_url)


def multilabel(folder: Path, rows: list[dict[str, Any]] | None = None) -> Path:
    """Two workers on ONE, one on TWO; TWO has a row in neither when ``rows`` say so."""
    rows = rows or [
        {"image": ONE, "main": [0, 389], "selected": [[0], [389, 0]], "imagenet_label": 0},
        {"image": TWO, "main": [1], "selected": [[1]], "imagenet_label": 0},
    ]
    data = folder / "data"
    data.mkdir(parents=True)
    made = pd.DataFrame(rows).assign(image=lambda frame: frame["image"] + ".JPEG").set_index("image")
    made["main"] = [np.array(main) for main in made["main"]]
    made.to_pickle(data / "annotations_classify_task.pkl")
    info = pd.DataFrame({"annotation": ["fu", "fu", "mis"]}, index=[f"{ONE}.JPEG", f"{TWO}.JPEG", LAST])
    info.to_pickle(data / "image_info.pkl")
    np.save(data / "imagenet_label_to_wnid.npy", np.array(dict(enumerate(WNIDS)), dtype=object), allow_pickle=True)
    return folder


LAST = "ILSVRC2012_val_00050000.JPEG"


def raters(path: Path, answers: list[list[str]], pairs: list[tuple[str, int]], kind: type = np.float64) -> None:
    """``answers[rater][pair]`` of no, maybe, yes or nothing."""
    tensor = np.zeros((len(answers), len(pairs), 3), kind)
    for rater, given in enumerate(answers):
        for pair, answer in enumerate(given):
            if answer:
                tensor[rater, pair, ["no", "maybe", "yes"].index(answer)] = 1
    info = np.array([[f"{image_id}.JPEG", str(label)] for image_id, label in pairs], "<U28")
    np.savez_compressed(path, tensor=tensor, info=info, ids=np.arange(100, 100 + len(answers)))


def real(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    pairs = [(ONE, 0), (ONE, 389), (TWO, 0)]
    raters(folder / "raters.npz", [["yes", "no", ""], ["yes", "maybe", "yes"]] * 9, pairs)
    raters(folder / "golden.npz", [["yes", "yes", "no"]] * 5, pairs, np.uint8)
    return folder


def label_errors(folder: Path, entries: list[dict[str, Any]] | None = None) -> Path:
    names = [f"val/{WNIDS[0]}/{name}.JPEG" for name in (ONE, TWO)]
    verdicts = {"given": 1, "guessed": 2, "neither": 1, "both": 1}
    url = f"https://labelerrors.com//static/imagenet/{names[0]}"
    entry = {"id": 293, "url": url, "given_original_label": 0, "our_guessed_label": 389, "mturk": verdicts}
    for name in ("mturk", "dataset_indexing", "original_test_labels"):
        (folder / name).mkdir(parents=True)
    (folder / "mturk" / "imagenet_mturk.json").write_text(json.dumps(entries if entries is not None else [entry]))
    (folder / "dataset_indexing" / "imagenet_val_set_index_to_filepath.json").write_text(json.dumps(names))
    np.save(folder / "original_test_labels" / "imagenet_val_set_original_labels.npy", np.array([0, 0], np.uint16))
    return folder


def votes(workspace: Workspace) -> pd.DataFrame:
    return workspace.read("votes")


def dropped(workspace: Workspace) -> list[tuple[str, str]]:
    return list(workspace.read("dropped")[["item", "reason"]].itertuples(index=False, name=None))


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
    assert import_votes(workspace, "real", folder)["votes"] == 1 == len(votes(workspace))


def test_classes_are_matched_by_wordnet_id(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, "classes", [{**class_row(5, "tench"), "wnids": [WNIDS[0]]}])
    found = import_votes(workspace, "real", real(tmp_path / "r"))
    assert set(votes(workspace)["class_idx"]) == {5} and found["dropped"] == 3
    assert {item for item, _ in dropped(workspace)} == {f"{REAL}: {WNIDS[389]}", f"{REAL}-experts: {WNIDS[389]}"}
    assert {reason for _, reason in dropped(workspace)} == {"label_unknown"}


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


def rewrite(path: Path, **arrays: Any) -> None:
    held = dict(np.load(path))
    np.savez_compressed(path, **{**held, **arrays})


def shorten(path: Path) -> None:
    """Cut the tensor short inside an archive that is otherwise whole."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content[:-8] if name == "tensor.npy" else content)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda path: path.unlink(), "FileNotFoundError"),
        (lambda path: path.write_bytes(path.read_bytes()[:-50]), "BadZipFile"),
        (shorten, "tensor ends early"),
        (lambda path: rewrite(path, tensor=np.ones((18, 3, 3))), "two answers on one pair"),
        (lambda path: rewrite(path, tensor=np.full((18, 3, 3), 0.5)), "values other than 0 and 1"),
        (lambda path: rewrite(path, tensor=np.zeros((18, 3, 2))), "tensor is float64"),
        (lambda path: rewrite(path, ids=np.array([None] * 18)), "pickle"),
        (lambda path: rewrite(path, info=np.array([[ONE, "1000"]] * 3)), "expected labels to be indices"),
        (lambda path: rewrite(path, info=np.array([[ONE, "tench"]] * 3)), "invalid literal"),
        (
            lambda path: rewrite(path, info=np.array([["cat_1", "0"]] * 3)),
            "expected the name of an ImageNet",
        ),
    ],
)
def test_damaged_raters(workspace: Workspace, tmp_path: Path, spoil: Callable[[Path], Any], complaint: str) -> None:
    folder = real(tmp_path / "r")
    spoil(folder / "raters.npz")
    with pytest.raises(UsageError, match=complaint):
        import_votes(workspace, "real", folder)
    assert not workspace.tables()


def entry(**more: Any) -> list[dict[str, Any]]:
    path = f"val/{WNIDS[0]}/{ONE}.JPEG"
    counts = {"given": 5, "guessed": 0, "neither": 0, "both": 0}
    return [{"url": path, "given_original_label": 0, "our_guessed_label": 1, "mturk": counts, **more}]


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        (entry(mturk={"given": 5}), "expected entry 0 to hold url"),
        (entry(our_guessed_label="tench"), "expected entry 0 to hold url"),
        (entry(our_guessed_label=0), "compares class 0 with 0"),
        (entry(our_guessed_label=1000), "expected labels to be indices"),
        (entry(url="val/n01440764/cat_1.JPEG"), "expected the name of an ImageNet validation image"),
        ({"a": 1}, "expected a list, found dict"),
    ],
)
def test_malformed_verdicts(workspace: Workspace, tmp_path: Path, entries: Any, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        import_votes(workspace, "label-errors", label_errors(tmp_path / "l", entries))
    assert not workspace.tables()


def test_other_vocabularies_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    folder = multilabel(tmp_path / "m")
    path = folder / "data" / "imagenet_label_to_wnid.npy"
    np.save(path, np.array({0: "n02084071"}, dtype=object), allow_pickle=True)
    with pytest.raises(UsageError, match="calls class 0 n02084071, but ImageNet's class 0 is n01440764"):
        import_votes(workspace, "imagenet-multilabel", folder)
    other = label_errors(tmp_path / "l")
    np.save(other / "original_test_labels" / "imagenet_val_set_original_labels.npy", np.array([7, 0]))
    with pytest.raises(UsageError, match="calls class 7 n01440764"):
        import_votes(workspace, "label-errors", other)


def test_a_pickle_that_wants_to_run_code(workspace: Workspace, tmp_path: Path) -> None:
    folder = multilabel(tmp_path / "m")
    (folder / "data" / "image_info.pkl").write_bytes(pickle.dumps(print))
    with pytest.raises(RegroundError, match=r"image_info\.pkl: this pickle was not read: it asks for builtins\.print"):
        import_votes(workspace, "imagenet-multilabel", folder)
    assert not workspace.tables()


# The real data


def run_truth(workspace: Workspace, settings: TruthSettings) -> pd.DataFrame:
    for shard in truth.plan(workspace, settings):
        run_shard(truth.STEP, workspace, settings, shard)
    return workspace.read("truth").set_index("image_id")


@pytest.mark.slow
def test_main_labels_and_objects_are_those_published(workspace: Workspace) -> None:
    """On the published half: the main label, the number of objects, a grouping as good, for every image."""
    path = need_shared("imagenet-multilabel")
    found = import_votes(workspace, "imagenet-multilabel", path)
    assert (found["images"], found["original_labels"], found["dropped"]) == (3395, 5020, 0)
    table = run_truth(workspace, TruthSettings())
    assert table["routing"].value_counts().to_dict() == {
        "several": 3395,
        "easy": 1474,
        "never_selected": 78,
        "too_few_workers": 73,
    }
    released = pd.read_pickle(path / "data" / "annotations_classify_task.pkl")  # ours to trust: it ships with the tests
    ours = table.loc[[name.removesuffix(".JPEG") for name in released.index]]
    assert ours["main_label"].tolist() == released["main_top"].tolist()
    assert ours["num_objects"].tolist() == released["num_objects"].tolist()
    assert ours["main_tied"].sum() == 177 and ours["num_objects_tied"].sum() == 136
    for (_, mine), (_, theirs) in zip(ours.iterrows(), released.iterrows(), strict=True):
        labels = sorted({label for chosen in theirs["selected"] for label in chosen})
        chosen = np.array([[label in one for label in labels] for one in theirs["selected"]]).astype(np.int64)
        weights = chosen.T @ chosen
        np.fill_diagonal(weights, 0)
        assert cut_weight(weights, groups(mine["objects"], labels)) == cut_weight(
            weights, groups(theirs["objects"], labels)
        )
        dropped_there = set(labels) - {label for group in theirs["objects"] for label in group}
        assert set(mine["isolated"]) == dropped_there <= set(mine["judged"])


def groups(objects: Any, labels: list[int]) -> list[int]:
    """The object of each label; those in none, an object of their own."""
    return [next((n for n, group in enumerate(objects) if label in group), len(objects)) for label in labels]


@pytest.mark.slow
def test_the_released_scores_decide_as_ours(workspace: Workspace) -> None:
    path = need_shared("reassessed-imagenet")
    found = import_votes(workspace, "real", path)
    table = votes(workspace)
    assert table.groupby("source").size()[REAL] == 924_810 and found["images"] == 24_889
    assert table.loc[table["source"] == REAL, "annotator_id"].nunique() == 85
    ours = run_truth(workspace, TruthSettings("dawid-skene", keep=0.8))
    scores = np.load(path / "scores.npz")
    released = dict(zip(map(tuple, scores["info"].tolist()), scores["tensor"] >= 0.8, strict=True))
    agree = [
        (confidence >= 0.8) == released[f"{image_id}.JPEG", str(label)]
        for image_id, judged, confidences in zip(ours.index, ours["judged"], ours["confidence"], strict=True)
        for label, confidence in zip(judged, confidences, strict=True)
    ]
    assert len(agree) == 184_962
    assert np.mean(agree) >= 0.985


@pytest.mark.slow
def test_the_verdicts_add_up_to_the_published_ones(workspace: Workspace) -> None:
    """Who says that the given label holds, alone or with the guessed one."""
    path = need_shared("label-errors")
    assert import_votes(workspace, "label-errors", path)["images"] == 2752
    entries = json.loads((path / "mturk" / "imagenet_mturk.json").read_text())
    table = votes(workspace).merge(workspace.read("original_labels", ["image_id", "class_idx"]), on="image_id")
    yes = table[(table["class_idx_x"] == table["class_idx_y"])].groupby("image_id")["answer"].agg(list)
    given = {image_id: answers.count("yes") for image_id, answers in yes.items()}
    expected = {Path(one["url"]).stem: one["mturk"]["given"] + one["mturk"]["both"] for one in entries}
    assert given == expected
