"""The columns of Tsipras et al.: our importer reads them back equal, pandas opens them, and they are the published."""

from __future__ import annotations

import math
import pickletools
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from reground.annotations.published import import_votes
from reground.annotations.published.safe_pickle import read_frame
from reground.tasks.errors import RegroundError
from reground.tasks.workspace import Workspace
from tests.support.export_world import (
    CHANGED,
    CLASSIFY,
    EMPTY,
    EXTENDED,
    IMAGENET,
    STRANGE,
    UNREVIEWED,
    export,
    judged,
    left_out,
    make_truth,
    truth_of,
)
from tests.support.needs import need_shared
from tests.support.published_answers import multilabel

NOTEBOOK = (
    "main",
    "selected",
    "num_workers",
    "image_number",
    "imagenet_label",
    "main_counter",
    "main_top",
    "num_objects",
    "object_counter",
    "objects",
    "main_object",
    "main_object_counter",
    "imagenet_object",
)


def imported(folder: Path, published: Path) -> Workspace:
    workspace = Workspace(folder)
    import_votes(workspace, "imagenet-multilabel", published)
    make_truth(workspace)
    return workspace


def test_our_importer_reads_it_back_equal(tmp_path: Path) -> None:
    workspace = imported(tmp_path / "w", multilabel(tmp_path / "published"))
    out = export(workspace, "imagenet-multilabel", tmp_path / "out")
    again = imported(tmp_path / "again", out)
    for table in ("votes", "original_labels"):
        pd.testing.assert_frame_equal(again.read(table), workspace.read(table))
    assert truth_of(again) == truth_of(workspace)


def test_votes_of_our_own_people_come_out_in_the_published_columns(tmp_path: Path) -> None:
    out = export(judged(tmp_path, IMAGENET), "imagenet-multilabel", tmp_path / "out")
    frame = pd.read_pickle(out / f"{CLASSIFY}.pkl")
    assert list(frame.index) == [f"{EXTENDED}.JPEG"] and set(NOTEBOOK) <= set(frame.columns)
    row: dict[str, Any] = frame.iloc[0].to_dict()
    assert row["selected"] == [[0, 1], [0, 1], [1], [0, 1], [0, 1]] and row["main"].tolist() == [1, 1, 1, 0, 1]
    assert (row["num_workers"], row["imagenet_label"], row["main_top"], row["num_objects"]) == (5, 0, 1, 2)
    assert row["main_counter"] == {1: 4, 0: 1} and row["object_counter"] == {2: 4, 1: 1}
    assert row["objects"] == [{1: (1.0, 1.0)}, {0: (1.0, 0.8)}] and row["main_object_counter"] == [4, 1]
    assert (row["main_object"], row["imagenet_object"]) == (0, 1.0)
    assert left_out(out) == {EMPTY: "nobody picked a main label"}
    as_parquet = pq.read_table(out / f"{CLASSIFY}.parquet").to_pylist()[0]
    assert as_parquet["image"] == f"{EXTENDED}.JPEG" and as_parquet["selected"] == row["selected"]
    assert as_parquet["main_counter"] == [{"key": 1, "count": 4}, {"key": 0, "count": 1}]


def test_image_numbers_are_places_in_the_validation_folder(tmp_path: Path) -> None:
    published = need_shared("imagenet-multilabel") / "data"
    frame = read_frame(published / "annotations_classify_task.pkl", ("image_number",))
    from reground.tasks.export.imagenet_multilabel import _numbers

    known = _numbers()
    assert [known[Path(name).stem] for name in frame.index] == list(frame.columns["image_number"])


def test_what_cannot_be_said_in_these_columns_is_listed(tmp_path: Path) -> None:
    workspace = judged(tmp_path, {CHANGED: STRANGE[CHANGED], UNREVIEWED: 2})
    frame = pd.read_pickle(export(workspace, "imagenet-multilabel", tmp_path / "out") / f"{CLASSIFY}.pkl")
    assert (frame.index[0], frame["image_number"].iloc[0]) == (f"{CHANGED}.JPEG", -1)
    with pytest.raises(RegroundError, match="expected CLASSIFY answers"):
        export(judged(tmp_path / "none", {UNREVIEWED: 2}), "imagenet-multilabel", tmp_path / "nothing")


def test_the_pickles_name_nothing_exotic(tmp_path: Path) -> None:
    """Only frames, arrays and counters: whatever opened the published files opens these."""
    out = export(judged(tmp_path, IMAGENET), "imagenet-multilabel", tmp_path / "out")
    content = (out / f"{CLASSIFY}.pkl").read_bytes()
    strings = {argument for opcode, argument, _ in pickletools.genops(content) if "UNICODE" in opcode.name}
    modules = {text for text in strings if text.partition(".")[0] in ("pandas", "numpy", "collections", "builtins")}
    assert not {text for text in modules if "arrow" in text.lower() or "StringDtype" in text}
    assert max(opcode.proto for opcode, _, _ in pickletools.genops(content)) <= 4
    shutil.copytree(out / "data", tmp_path / "copy" / "data")
    read_frame(tmp_path / "copy" / f"{CLASSIFY}.pkl", NOTEBOOK)


@pytest.mark.slow
def test_every_published_column_comes_out_as_published(tmp_path: Path) -> None:
    published = need_shared("imagenet-multilabel")
    out = export(imported(tmp_path / "w", published), "imagenet-multilabel", tmp_path / "out")
    theirs, ours = (read_frame(folder / f"{CLASSIFY}.pkl", NOTEBOOK) for folder in (published, out))
    place = {name: n for n, name in enumerate(theirs.index)}
    assert place.keys() == set(ours.index) and len(place) == 3395
    cuts = 0
    for n, name in enumerate(ours.index):
        was, now = ({c: plain(t.columns[c][k]) for c in NOTEBOOK} for t, k in ((theirs, place[name]), (ours, n)))
        now["selected"], was["selected"] = (list(map(sorted, row["selected"])) for row in (now, was))
        for column in ("main", "selected", "num_workers", "image_number", "imagenet_label", "main_counter"):
            assert now[column] == was[column], (name, column)
        for column in ("main_top", "num_objects", "object_counter"):
            assert now[column] == was[column], (name, column)
        if unordered(now["objects"]) != unordered(was["objects"]):
            cuts += 1
            continue
        assert sorted(now["main_object_counter"]) == sorted(was["main_object_counter"])
        assert object_of(now, "imagenet_object") == object_of(was, "imagenet_object"), name
        for row in (now, was):
            assert row["main_object_counter"][row["main_object"]] == max(row["main_object_counter"]), name
    assert cuts == 124  # other groupings, which part as many pairs
    info = read_frame(out / "data" / "image_info.pkl", ("annotation",))
    as_published = read_frame(published / "data" / "image_info.pkl", ("annotation",))
    assert dict(zip(info.index, info.columns["annotation"], strict=True)) == dict(
        zip(as_published.index, as_published.columns["annotation"], strict=True)
    )


def plain(value: Any) -> Any:
    if hasattr(value, "items"):
        return {int(key): plain(held) for key, held in value.items()}
    if isinstance(value, tuple | np.ndarray | list):
        return [plain(held) for held in value]
    return round(float(value), 9) if isinstance(value, float | np.floating) else int(value)


def unordered(objects: list[dict[int, Any]]) -> list[list[Any]]:
    return sorted(sorted(found.items()) for found in objects)


def object_of(row: dict[str, Any], column: str) -> Any:
    """The object that a column points at; None: at none."""
    return None if math.isnan(row[column]) else sorted(row["objects"][int(row[column])])
