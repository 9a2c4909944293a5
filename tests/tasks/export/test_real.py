"""ReaL: a list over all images, or keyed by id, as the published labels are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reground.tasks import schema
from reground.tasks.export.real import IMAGENET_IDS
from reground.tasks.images import load_classes
from reground.tasks.workspace import Workspace
from tests.support.export_world import (
    CHANGED,
    EMPTY,
    EXTENDED,
    export,
    image_row,
    left_out,
    make_truth,
    truth_of,
)
from tests.support.needs import need_package, need_shared
from tests.support.tables import conclusion, put, put_truth


def test_real_is_a_list_over_all_images_that_timm_takes(workspace: Workspace, tmp_path: Path) -> None:
    need_package("timm")
    import torch
    from timm.data.real_labels import RealLabelsImagenet

    out = export(workspace, "real", tmp_path / "out")
    labels = json.loads((out / "real.json").read_text())
    assert len(labels) == 50_000
    assert {n: found for n, found in enumerate(labels) if found} == {2: [1, 0], 49_999: [2]}
    judge = RealLabelsImagenet(
        [f"ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, 50_001)], real_json=str(out / "real.json")
    )
    told = torch.full((50_000, 5), 9)
    told[2], told[49_999] = 1, 0
    for start in range(0, 50_000, 10_000):
        judge.add_result(torch.nn.functional.one_hot(told[start : start + 10_000, 0], 10).float())
    assert judge.get_accuracy(k=1) == 50.0


def test_real_of_an_own_vocabulary_is_in_imagenets_indices(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    classes = load_classes()
    put(workspace, "classes", [classes[7] | {"class_idx": 0}, classes[3] | {"class_idx": 1}])
    put(workspace, "images", [image_row(tmp_path / "p", EXTENDED, 0, 0), image_row(tmp_path / "p", EMPTY, 1, 1)])
    make_truth(workspace)
    labels = json.loads((export(workspace, "real", tmp_path / "out") / "real.json").read_text())
    assert (labels[2], labels[6]) == ([7], [3])


def test_real_of_other_ids_or_classes_is_keyed(strange: Workspace, tmp_path: Path) -> None:
    out = export(strange, "real", tmp_path / "out")
    expected = {name: row["labels"] for name, row in truth_of(strange).items() if name != EMPTY}
    assert json.loads((out / "real.json").read_text()) == expected and expected[CHANGED] == [208]
    assert left_out(out) == {EMPTY: "settled: no label holds"}
    assert json.loads((out / "classes.json").read_text())["208"] == load_classes()[208]["name"]
    assert "timm's RealLabelsImagenet takes only" in (out / "DATA_CARD.md").read_text()


def test_the_published_labels_come_out_as_they_were(tmp_path: Path) -> None:
    published = json.loads((need_shared("reassessed-imagenet") / "real.json").read_text())
    workspace = Workspace(tmp_path / "w")
    put(workspace, "classes", load_classes())
    put_truth(workspace, [truth_row(name, labels) for name, labels in zip(IMAGENET_IDS, published, strict=True)])
    assert json.loads((export(workspace, "real", tmp_path / "out") / "real.json").read_text()) == published


def truth_row(image_id: str, labels: list[int]) -> dict[str, Any]:
    empty: dict[str, Any] = {column.name: None for column in schema.table("truth").columns}
    empty |= {column.name: [] for column in schema.table("truth").columns if column.type.startswith("list")}
    empty |= {column.name: "" for column in schema.table("truth").columns if column.type == "string"}
    return empty | {
        "image_id": image_id,
        **conclusion("labelled" if labels else "empty", labels),
        "main_tied": False,
        "num_objects_tied": False,
        "votes": 0,
    }
