"""Labels, folders and boxes that contradict each other are reported; the image is indexed."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from reground.tasks.workspace import Workspace
from tests.support.indexing import CAT, DOG, box_xml, index, photo, put, two_images


@pytest.fixture
def two(tmp_path: Path) -> Path:
    return two_images(tmp_path)


def test_a_label_that_differs_from_the_folder_is_reported(tmp_path: Path, two: Path):
    listing = put(tmp_path / "images" / "l.csv", f"path,label\n{DOG}/rex.png,{CAT}\n{CAT}/tom.png,281\n")
    images, dropped = index(tmp_path, listing, max_dropped=0.0)
    assert images["class_idx"].to_dict() == {"rex": 281, "tom": 281}
    assert dropped == {"rex": "label_conflict"}
    (detail,) = Workspace(tmp_path / "workspace").read("dropped")["detail"]
    assert detail == "labelled 281 (tabby), but its folder names 207 (golden retriever)"


def test_a_box_that_names_another_class_is_left_out_and_reported(tmp_path: Path, two: Path):
    for name in ("rex", "tom"):
        objects = "".join(
            f"<object><name>{text}</name><bndbox><xmin>{n}</xmin><ymin>1</ymin><xmax>8</xmax><ymax>7</ymax></bndbox></object>"
            for n, text in enumerate((DOG, "golden retriever", CAT, "tabby", "dog", "", "281"))
        )
        size = "<size><width>12</width><height>8</height></size>"
        put(tmp_path / "boxes" / f"{name}.xml", f"<annotation>{size}{objects}</annotation>")
    images, dropped = index(tmp_path, two, boxes=str(tmp_path / "boxes"), max_dropped=0.0)
    assert [box["xmin"] for box in images.at["rex", "boxes"]] == [0, 1, 4, 5, 6]
    assert [box["xmin"] for box in images.at["tom", "boxes"]] == [2, 3, 4, 5, 6]
    assert dropped == {"rex": "box_other_class", "tom": "box_other_class"}
    details = Workspace(tmp_path / "workspace").read("dropped").set_index("item")["detail"]
    assert details["rex"].startswith(
        f"2 of 7 boxes name another class ({CAT}, tabby) than the label 207 {DOG}: left out"
    )


@pytest.mark.parametrize(("setting", "xmin"), [("auto", 6), ("stored", 6), ("shown", 1)])
def test_boxes_of_a_picture_turned_half_round(tmp_path: Path, two: Path, setting: str, xmin: int):
    exif = Image.Exif()
    exif[0x0112] = 3
    put(two / DOG / "turned.jpg", photo(format="JPEG", exif=exif))
    put(tmp_path / "boxes" / "turned.xml", box_xml())
    put(tmp_path / "boxes" / "rex.xml", box_xml())
    images, dropped = index(tmp_path, two, boxes=str(tmp_path / "boxes"), box_orientation=setting, max_dropped=0.0)
    assert [box["xmin"] for box in images.at["turned", "boxes"]] == [xmin]
    assert [box["xmin"] for box in images.at["rex", "boxes"]] == [1]
    assert dropped == ({"turned": "box_orientation_unclear"} if setting == "auto" else {})
