"""Exports read back, each format as its readers do: image_id -> state, outcome and labels."""

from __future__ import annotations

import csv
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from reground.tasks.export.file_names import stem
from reground.tasks.images import load_classes

Read = Callable[[Path], dict[str, tuple[Any, Any, Any]]]
"""Folder of an export -> image_id -> its state, outcome and labels."""


def marks(row: dict[str, Any]) -> tuple[Any, Any, Any]:
    return row["state"], row["outcome"], list(row["labels"])


def parquet(out: Path) -> dict[str, tuple[Any, Any, Any]]:
    return {row["image_id"]: marks(row) for row in pq.read_table(out / "data").drop(["image"]).to_pylist()}


def webdataset(out: Path) -> dict[str, tuple[Any, Any, Any]]:
    with tarfile.open(out / "val-000000.tar") as tar:
        members = [tar.extractfile(name) for name in tar.getnames() if name.endswith(".json")]
        rows = [json.load(member) for member in members if member is not None]
    return {row["image_id"]: marks(row) for row in rows}


def coco(out: Path) -> dict[str, tuple[Any, Any, Any]]:
    content = json.loads((out / "annotations" / "labels_val.json").read_text())
    labels: dict[int, list[int]] = {}
    for annotation in content["annotations"]:
        labels.setdefault(annotation["image_id"], []).append(annotation["category_id"])
    return {row["image_id"]: (row["state"], row["outcome"], labels[row["id"]]) for row in content["images"]}


def fiftyone(out: Path) -> dict[str, tuple[Any, Any, Any]]:
    class_idx = {row["name"]: row["class_idx"] for row in load_classes()}
    return {
        row["image_id"]: marks(row | {"labels": [class_idx[one["label"]] for one in row["labels"]["classifications"]]})
        for row in json.loads((out / "samples.json").read_text())["samples"]
    }


def imagefolder(out: Path) -> dict[str, tuple[Any, Any, Any]]:
    class_of = {row["wnids"][0]: row["class_idx"] for row in load_classes()}
    labels = {path.stem: [class_of[path.parent.name]] for path in (out / "val").glob("*/*")}
    return {name: (*states(out)[name][:2], labels[stem(name)]) for name in states(out)}


def real(out: Path) -> dict[str, tuple[Any, Any, Any]]:
    labels = json.loads((out / "real.json").read_text())
    assert labels.keys() == states(out).keys()
    return {name: (*states(out)[name][:2], labels[name]) for name in labels}


def states(out: Path) -> dict[str, tuple[Any, Any, Any]]:
    with (out / "states.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    return {row["image_id"]: (row["state"], row["outcome"] or None, json.loads(row["labels"])) for row in rows}


def read_originals(out: Path) -> dict[str, int | None]:
    """image_id -> original label, of states.csv."""
    with (out / "states.csv").open(newline="") as handle:
        return {row["image_id"]: int(row["original"]) if row["original"] else None for row in csv.DictReader(handle)}


READERS: dict[str, Read] = {
    "imagefolder": imagefolder,
    "parquet": parquet,
    "croissant": parquet,
    "webdataset": webdataset,
    "coco": coco,
    "fiftyone": fiftyone,
    "real": real,
}
