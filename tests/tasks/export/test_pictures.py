"""Exports that hold photographs, each read back by its own library and compared with truth and files."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reground.tasks.errors import RegroundError
from reground.tasks.export import parquet as export_parquet
from reground.tasks.export import webdataset as export_webdataset
from reground.tasks.export.file_names import stem
from reground.tasks.images import load_classes
from reground.tasks.masks import encode_mask
from reground.tasks.workspace import Workspace
from tests.support.export_world import (
    BOX,
    CHANGED,
    EMPTY,
    EXTENDED,
    HEIGHT,
    IMAGENET,
    ODD,
    STRANGE,
    UNREVIEWED,
    WIDTH,
    bytes_of,
    export,
    image_row,
    judged,
    left_out,
    make_truth,
    object_mask,
    truth_of,
)
from tests.support.needs import need_fiftyone, need_package
from tests.support.tables import class_row, image, mask, put

ALL = IMAGENET | STRANGE
HELD = {name: label for name, label in ALL.items() if name != EMPTY}
"""Without the image of which people settled that no label holds."""
MARKS = ("labels", "main_label", "state", "outcome")
NAMES = [row["name"] for row in load_classes()]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return judged(tmp_path_factory.mktemp("judged"), ALL)


@pytest.fixture(scope="module")
def truth(workspace: Workspace) -> dict[str, dict[str, Any]]:
    return truth_of(workspace)


def surest(row: dict[str, Any]) -> list[float | None]:
    """The confidence of each label that holds."""
    told = dict(zip(row["judged"], row["confidence"], strict=True))
    return [told.get(label) for label in row["labels"]]


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


# Parquet


def test_datasets_opens_parquet_with_images_and_names(
    workspace: Workspace, truth: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    from datasets import ClassLabel, load_dataset

    out = export(workspace, "parquet", tmp_path / "out")
    (out / "DATA_CARD.md").rename(out / "README.md")  # the Hub's name for it: its front matter finds the files
    read = load_dataset(str(out), split="val", cache_dir=str(tmp_path / "c"))
    for column in ("original_label", "main_label"):
        assert isinstance(read.features[column], ClassLabel) and read.features[column].names == NAMES
    assert read.features["labels"].feature.names == NAMES
    assert [row["image_id"] for row in read] == sorted(HELD)
    content = bytes_of(workspace)
    for row in read:
        true = truth[row["image_id"]]
        assert [row[name] for name in MARKS] == [true[name] for name in MARKS]
        assert (row["original_label"], row["num_objects"], row["votes"]) == (
            *(ALL[row["image_id"]], true["num_objects"], true["votes"]),
        )
        assert row["confidence"] == pytest.approx(surest(true))
        np.testing.assert_array_equal(
            np.asarray(row["image"]), np.asarray(Image.open(io.BytesIO(content[row["image_id"]])))
        )
    stored = load_dataset(str(out), split="val", cache_dir=str(tmp_path / "c")).with_format("arrow")[:]
    files = stored["image"].to_pylist()
    assert [file["bytes"] for file in files] == [content[name] for name in sorted(HELD)]


def test_parquet_is_cut_by_size_and_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    workspace = judged(tmp_path, IMAGENET)
    put(workspace, "images", [image_row(tmp_path / "p", f"i{n}", n, n, "test" if n > 6 else "val") for n in range(9)])
    make_truth(workspace)
    size = 3 * len(bytes_of(workspace)["i0"])
    monkeypatch.setattr(export_parquet, "FILE_BYTES", size)
    monkeypatch.setattr(export_parquet, "GROUP_ROWS", 1)
    out = export(workspace, "parquet", tmp_path / "out")
    rows = {path.name: pq.read_table(path)["image_id"].to_pylist() for path in sorted((out / "data").iterdir())}
    assert [name for found in rows.values() for name in found] == ["i7", "i8", *(f"i{n}" for n in range(7))]
    assert next(iter(rows)) == "test-00000-of-00001.parquet" and len(rows) == 5
    assert all(len(found) <= 4 for found in rows.values())


def test_numbers_without_a_class_keep_their_place(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    workspace = Workspace(tmp_path / "w")
    put(workspace, "images", [image_row(tmp_path / "p", "one", 4, 0)])
    put(workspace, "classes", [class_row(1, "ant"), class_row(4, "bee")])
    make_truth(workspace)
    out = export(workspace, "parquet", tmp_path / "out")
    table = pq.read_table(next((out / "data").iterdir()))
    told = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]["original_label"]["names"]
    assert told == ["(no class 0)", "ant", "(no class 2)", "(no class 3)", "bee"]
    assert table["labels"].to_pylist() == [[4]]
    put(workspace, "classes", [class_row(1, "ant"), class_row(4, "bee"), class_row(2_000_000_000, "cat")])
    with pytest.raises(RegroundError, match="without large gaps"):
        export(workspace, "parquet", tmp_path / "other")


# WebDataset


def test_webdataset_reads_images_and_labels(workspace: Workspace, truth: dict[str, Any], tmp_path: Path) -> None:
    need_package("webdataset")
    import webdataset

    out = export(workspace, "webdataset", tmp_path / "out")
    read = list(webdataset.WebDataset(str(out / "val-000000.tar"), shardshuffle=False))
    assert [sample["__key__"] for sample in read] == [stem(name) for name in sorted(HELD)]
    content = bytes_of(workspace)
    for sample in read:
        told = json.loads(sample["json"])
        name = told["image_id"]
        assert sample["png" if name in STRANGE else "jpg"] == content[name]
        assert (told["labels"], told["main_label"]) == (truth[name]["labels"], truth[name]["main_label"])
        assert (told["original_label"], told["width"], told["height"]) == (ALL[name], WIDTH, HEIGHT)
    decoded = list(webdataset.WebDataset(str(out / "val-000000.tar"), shardshuffle=False).decode("rgb8"))
    assert all(sample.get("jpg", sample.get("png")).shape == (HEIGHT, WIDTH, 3) for sample in decoded)
    assert json.loads((out / "classes.json").read_text())["1"] == NAMES[1]


def test_tar_files_are_cut_by_size_and_tell_nothing_of_their_maker(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_webdataset, "SHARD_BYTES", 6000)
    out = export(workspace, "webdataset", tmp_path / "out")
    shards = sorted(out.glob("val-*.tar"))
    assert [shard.name for shard in shards] == [f"val-{n:06d}.tar" for n in range(len(shards))] and len(shards) > 1
    members: list[tarfile.TarInfo] = []
    for shard in shards:
        with tarfile.open(shard) as read:
            members += read.getmembers()
    assert len(members) == 2 * len(HELD) and all(member.isfile() for member in members)
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {(0, 0, 0, "", "", 0o644)}


# Croissant


def test_croissant_validates_and_loads(workspace: Workspace, truth: dict[str, Any], tmp_path: Path) -> None:
    need_package("mlcroissant")
    import mlcroissant

    out = export(workspace, "croissant", tmp_path / "out")
    read = mlcroissant.Dataset(jsonld=out / "croissant.json")
    told = read.metadata.ctx.issues
    assert not told.errors and all("is recommended" in warning for warning in told.warnings)
    records = {record["images/image_id"].decode(): record for record in read.records(record_set="images")}
    assert records.keys() == HELD.keys()
    content = bytes_of(workspace)
    for name, record in records.items():
        np.testing.assert_array_equal(np.asarray(record["images/image"]), pixels(content[name]))
        assert list(record["images/labels"]) == truth[name]["labels"]
        assert record["images/state"].decode() == truth[name]["state"]
        assert record["images/original_label"] == ALL[name]
    classes = {int(r["classes/class_idx"]): str(r["classes/name"]) for r in read.records(record_set="classes")}
    assert classes == dict(enumerate(NAMES))


# COCO


def test_pycocotools_loads_labels_and_instances(workspace: Workspace, truth: dict[str, Any], tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    out = export(workspace, "coco", tmp_path / "out")
    labels, instances = (COCO(out / "annotations" / f"{kind}_val.json") for kind in ("labels", "instances"))
    content = bytes_of(workspace)
    found: dict[str, list[int]] = {name: [] for name in HELD}
    for annotation in labels.loadAnns(labels.getAnnIds()):
        image = labels.loadImgs(annotation["image_id"])[0]
        found[image["image_id"]].append(annotation["category_id"])
        assert (out / "val" / image["file_name"]).read_bytes() == content[image["image_id"]]
        assert annotation["main"] == (annotation["category_id"] == truth[image["image_id"]]["main_label"])
    assert found == {name: truth[name]["labels"] for name in HELD}
    assert {c["id"]: c["name"] for c in instances.loadCats(instances.getCatIds())} == dict(enumerate(NAMES))
    boxed = {instances.loadImgs(a["image_id"])[0]["image_id"]: a for a in instances.loadAnns(instances.getAnnIds())}
    assert boxed.keys() == {EXTENDED, UNREVIEWED, ODD}  # where the boxed label holds
    for name, annotation in boxed.items():
        np.testing.assert_array_equal(instances.annToMask(annotation).astype(bool), object_mask())
        assert annotation["bbox"] == [BOX[0], BOX[1], BOX[2] - BOX[0], BOX[3] - BOX[1]]
        assert (annotation["category_id"], annotation["area"]) == (ALL[name], object_mask().sum())
    assert left_out(out).keys() == {EMPTY, CHANGED}


def test_boxes_and_masks_that_do_not_go_together(tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    workspace = Workspace(tmp_path / "w")
    two = [BOX, (0, 0, 2, 2)]
    boxes = {"both": [BOX], "two": two, "none": [], "bad": [BOX], "neither": []}
    rows = [image_row(tmp_path / "p", name, 0, n) for n, name in enumerate(boxes)]
    put(workspace, "images", [row | {"boxes": image("x", 0, "", boxes[row["image_id"]])["boxes"]} for row in rows])
    put(workspace, "classes", [class_row(0)])
    made = [mask(name, WIDTH, HEIGHT, rle=encode_mask(object_mask())) for name in boxes if name != "neither"]
    put(workspace, "masks", [row | {"quarantine": "odd" if row["image_id"] == "bad" else None} for row in made])
    make_truth(workspace)
    out = export(workspace, "coco", tmp_path / "out")
    read = COCO(out / "annotations" / "instances_val.json")
    found: dict[str, list[tuple[Any, bool]]] = {}
    for annotation in read.loadAnns(read.getAnnIds()):
        name = read.loadImgs(annotation["image_id"])[0]["image_id"]
        found.setdefault(name, []).append((tuple(annotation["bbox"]), bool(annotation["segmentation"])))
    assert found == {
        "both": [((3, 2, 18, 15), True)],
        "two": [((3, 2, 18, 15), False), ((0, 0, 2, 2), False)],
        "none": [((5, 4, 13, 11), True)],  # the mask's own
        "bad": [((3, 2, 18, 15), False)],
    }
    assert {name: reason.split(":")[0] for name, reason in left_out(out).items()} == {
        "two": "mask over several boxes",
        "bad": "mask quarantined",
    }


# FiftyOne

READ = """
import json, sys
import fiftyone.utils.data.importers as importers
from fiftyone.core.labels import Classifications
folder = sys.argv[1]
simple = importers.FiftyOneImageClassificationDatasetImporter(folder)
simple.setup()
labels = {}
for path, _, found in simple:
    assert isinstance(found, Classifications)
    labels[path] = [[one.label, one.confidence] for one in found.classifications]
full = importers.FiftyOneDatasetImporter(folder)
assert full._is_legacy_format_data()
full = full._to_legacy_importer()
full.setup()
samples = [sample.to_dict() for sample in full]
print("READ" + json.dumps({"labels": labels, "samples": samples, "schema": full.get_sample_field_schema(),
    "classes": simple.get_dataset_info()["classes"]}, default=str))
"""


@pytest.mark.slow
def test_fiftyones_importers_read_every_field(workspace: Workspace, truth: dict[str, Any], tmp_path: Path) -> None:
    """Its importers alone: a dataset of FiftyOne's lives in MongoDB, which no package brings along."""
    python = need_fiftyone()
    out = export(workspace, "fiftyone", tmp_path / "out")
    offline = {"HOME": str(tmp_path), "FIFTYONE_DO_NOT_TRACK": "1", "PATH": os.environ["PATH"]}
    made = subprocess.run([str(python), "-c", READ, str(out)], env=offline, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    read = json.loads(made.stdout.partition("READ")[2])
    assert read["classes"] == NAMES
    content = bytes_of(workspace)
    told = {sample["image_id"]: sample for sample in read["samples"]}
    assert told.keys() == HELD.keys()
    for name, sample in told.items():
        true = truth[name]
        labels = [[NAMES[n], how] for n, how in zip(true["labels"], surest(true), strict=True)]
        assert Path(sample["filepath"]).read_bytes() == content[name]
        assert read["labels"][sample["filepath"]] == labels
        assert [[one["label"], one.get("confidence")] for one in sample["labels"]["classifications"]] == labels
        assert sample["original_label"]["label"] == NAMES[ALL[name]] and (sample["state"], sample["outcome"]) == (
            true["state"],
            true["outcome"],
        )
        assert len(sample["objects"]["detections"]) == (ALL[name] in true["labels"])
        assert sample["metadata"]["width"] == WIDTH and sample["tags"] == ["val"]
    assert read["schema"].keys() >= {"labels", "main_label", "objects"}


def test_fiftyones_files_are_as_documented(workspace: Workspace, truth: dict[str, Any], tmp_path: Path) -> None:
    out = export(workspace, "fiftyone", tmp_path / "out")
    simple, full = (json.loads((out / name).read_text()) for name in ("labels.json", "samples.json"))
    files = {path.stem: path for path in (out / "data").iterdir()}
    assert files.keys() == simple["labels"].keys() == {stem(name) for name in HELD}
    for sample in full["samples"]:
        assert (out / sample["filepath"]).read_bytes() == bytes_of(workspace)[sample["image_id"]]
        targets = simple["labels"][stem(sample["image_id"])]
        assert [simple["classes"][target["label"]] for target in targets] == [
            NAMES[label] for label in truth[sample["image_id"]]["labels"]
        ]
    box = next(s for s in full["samples"] if s["image_id"] == EXTENDED)["objects"]["detections"][0]["bounding_box"]
    assert box == pytest.approx([3 / 30, 2 / 20, 18 / 30, 15 / 20])
    assert sys.modules.get("fiftyone") is None
