"""Sources of an index: class folders, ILSVRC2012 with its devkit, CSV, and box files, in every state."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reground.tasks.errors import UsageError
from reground.tasks.images.devkit import GROUND_TRUTH, read_ground_truth
from reground.tasks.images.index import dropped_files
from reground.tasks.images.sources import list_source
from reground.tasks.workspace import Workspace
from tests.support.indexing import BILLION, CAT, DOG, box_xml, index, photo, put, two_images


@pytest.fixture
def two(tmp_path: Path) -> Path:
    return two_images(tmp_path)


# ILSVRC2012


def devkit(folder: Path, truth: str = "490\n361\n171\n") -> Path:
    """A devkit whose ids are, as in the real one, not in the order of the WordNet ids."""
    from scipy.io import savemat

    kind = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("num_children", "O")]
    synsets = np.array(
        [
            (171, CAT, "tabby", 0),
            (361, DOG, "golden retriever", 0),
            (490, "n01440764", "tench", 0),
            (1001, "n02084071", "dog", 9),
        ],
        dtype=kind,
    )
    (folder / "data").mkdir(parents=True)
    savemat(folder / "data" / "meta.mat", {"synsets": synsets.reshape(-1, 1)})
    put(folder / "data" / GROUND_TRUTH, truth)
    return folder


@pytest.fixture
def val(tmp_path: Path) -> Path:
    """A flat val without its second image, and with a file that does not belong."""
    for number in (1, 3, 4):
        put(tmp_path / "val" / f"ILSVRC2012_val_{number:08d}.JPEG", photo(number, format="JPEG"))
    put(tmp_path / "val" / "holiday.jpg", photo(9, format="JPEG"))
    return tmp_path / "val"


@pytest.mark.parametrize("given", ["", "data", f"data/{GROUND_TRUTH}"])
def test_flat_val_is_matched_by_number_through_meta(tmp_path: Path, val: Path, given: str):
    kit = devkit(tmp_path / "kit")
    images, dropped = index(tmp_path, val, labels=str(kit / given))
    assert images["wnid"].to_dict() == {"ILSVRC2012_val_00000001": "n01440764", "ILSVRC2012_val_00000003": CAT}
    assert images["class_idx"].to_list() == [0, 281]
    assert dropped == {"holiday.jpg": "label_missing", "ILSVRC2012_val_00000004.JPEG": "label_missing"}


def test_the_devkit_may_lie_among_the_images(tmp_path: Path, val: Path):
    devkit(val)
    images, dropped = index(tmp_path, val, labels=str(val))
    assert len(images) == 2
    assert len(dropped) == 2


@pytest.mark.parametrize(
    ("truth", "complaint"),
    [
        ("490\nx\n", "line 2.*found 'x'"),
        ("490\n\n171\n", "line 2"),
        ("0\n", "line 1"),
        ("1001\n", "line 1"),
        ("²\n", "read"),
    ],
)
def test_malformed_ground_truth(tmp_path: Path, truth: str, complaint: str):
    with pytest.raises(UsageError, match=complaint):
        read_ground_truth(devkit(tmp_path, truth))


def test_malformed_devkits(tmp_path: Path):
    from scipy.io import savemat

    with pytest.raises(UsageError, match="found no ILSVRC2012_validation_ground_truth"):
        read_ground_truth(tmp_path)
    kit = devkit(tmp_path / "kit")
    meta = kit / "data" / "meta.mat"
    whole = meta.read_bytes()
    other = io.BytesIO()
    savemat(other, {"something": np.arange(3)})
    for content in (b"", b"no matlab", whole[: len(whole) // 2], other.getvalue()):
        meta.write_bytes(content)
        with pytest.raises(UsageError, match=r"meta\.mat"):
            read_ground_truth(kit)
    meta.unlink()
    with pytest.raises(UsageError, match=r"meta\.mat"):
        read_ground_truth(kit)


# CSV


def test_a_csv(tmp_path: Path):
    put(tmp_path / "a" / "one.png", photo(1))
    put(tmp_path / "two.dat", photo(2))
    put(tmp_path / "b" / "three.png", photo(3))
    rows = [
        "path,label,split,photographer",
        f"a/one.png,{DOG},train,ann",
        "./two.dat,tabby,,bob",
        f"{tmp_path}/b/three.png,0,,",
        "a/../a/one.png,207,,",
        "a,207,,",
        "nowhere.png,207,,",
        "https://example.org/x.png,207,,",
        "b/three.png,,,",
        "/dev/zero,207,,",
    ]
    images, dropped = index(tmp_path, put(tmp_path / "list.csv", "\n".join(rows)))
    assert images[["class_idx", "split"]].to_numpy().tolist() == [[207, "train"], [0, "val"], [281, "val"]]
    assert dropped == {
        "one.png": "duplicate_id",
        "a": "not_an_image",
        "nowhere.png": "unreadable",
        "x.png": "unreadable",
        "three.png": "label_missing",
        "zero": "not_an_image",
    }


def test_paths_that_no_file_can_have(tmp_path: Path):
    listed = list_source(str(put(tmp_path / "l.csv", f"path,label\n{'x' * 5000}.png,0\n")))
    assert [item.file.problem and item.file.problem.reason for item in listed] == ["unreadable"]
    listed = list_source(str(put(tmp_path / "l.csv", f"path,label\n{'d/' * 1500}x.png,0\n")))
    assert [item.file.problem and item.file.problem.reason for item in listed] == ["unreadable"]
    with pytest.raises(UsageError, match="NUL"):
        list_source(str(put(tmp_path / "l.csv", "path,label\na\0.png,0\n")))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "Missing: path, label"),
        ("path;lable\na;b\n", "Missing: label"),
        ("path,label\n", "found none"),
        ("path,label\n,0\n", "line 2: expected a path"),
        ("path,label\na.png\n", "line 2: expected 2 cells"),
        ('path,label\n"a.png,0\n', "cannot be read"),
    ],
)
def test_malformed_csv(tmp_path: Path, content: str, complaint: str):
    path = put(tmp_path / "list.csv", content)
    with pytest.raises(UsageError, match=complaint):
        list_source(str(path))


# What is no source


def test_no_source_is_one_clear_error(tmp_path: Path):
    put(tmp_path / "flat" / "a.png", photo())
    put(tmp_path / "val" / "ILSVRC2012_val_00000001.JPEG", photo())
    put(tmp_path / "texts" / "a" / "readme.md", "x")
    (tmp_path / "empty").mkdir()
    put(tmp_path / "images.zip", b"PK")
    for name, complaint in {
        "nowhere": "found nothing there",
        "empty": "it is empty",
        "texts": "found none.*a/readme.md",
        "flat": "expected class folders.*first: a.png",
        "val": "give --labels",
        "images.zip": "expected a folder or a .csv",
    }.items():
        with pytest.raises(UsageError, match=complaint) as caught:
            list_source(str(tmp_path / name))
        assert "named by WordNet id, class name or index" in str(caught.value)


def test_settings_that_make_no_sense(tmp_path: Path, two: Path):
    for wrong in ({"ids": "name"}, {"shard_size": 0}, {"boxes": str(tmp_path / "nowhere")}, {"classes": "nowhere.csv"}):
        with pytest.raises(UsageError):
            index(tmp_path, two, **wrong)


# Boxes


@pytest.mark.parametrize("where", ["", f"{DOG}/", "anywhere/deep/"])
def test_boxes_are_found_by_stem(tmp_path: Path, two: Path, where: str):
    put(tmp_path / "boxes" / f"{where}rex.xml", box_xml())
    images, dropped = index(tmp_path, two, boxes=str(tmp_path / "boxes"))
    assert dropped == {}
    assert images.at["rex", "boxes"].tolist() == [{"xmin": 1, "ymin": 2, "xmax": 6, "ymax": 7}]
    assert images.at["tom", "boxes"].tolist() == []


def test_boxes_may_lie_beside_the_images(tmp_path: Path, two: Path):
    put(two / DOG / "rex.xml", box_xml())
    images, dropped = index(tmp_path, two, boxes=str(two))
    assert (len(images.at["rex", "boxes"]), dropped) == (1, {})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "box_file_invalid"),
        (BILLION, "box_file_invalid"),
        (box_xml((8, 12)), "box_size_mismatch"),
        (box_xml(box=(1, 2, 13, 7)), "box_outside_image"),
        (box_xml(box=(-1, 2, 6, 7)), "box_outside_image"),
        (box_xml(box=(6, 2, 6, 7)), "box_outside_image"),
    ],
)
def test_a_bad_box_costs_the_boxes_not_the_image(tmp_path: Path, two: Path, content: bytes | str, reason: str):
    put(tmp_path / "boxes" / "rex.xml", content)
    images, dropped = index(tmp_path, two, boxes=str(tmp_path / "boxes"), max_dropped=0.0)
    assert dropped == {"rex": reason}
    assert images.at["rex", "boxes"].tolist() == []
    assert dropped_files(Workspace(tmp_path / "workspace").read("dropped")).empty


def test_boxes_turn_with_an_exif_rotated_image(tmp_path: Path, two: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    put(two / DOG / "turned.jpg", photo(size=(30, 20), format="JPEG", exif=exif))
    for size, box in (((30, 20), [13, 1, 18, 6]), ((20, 30), [1, 2, 6, 7])):
        put(tmp_path / "boxes" / "turned.xml", box_xml(size))
        images, _ = index(tmp_path, two, boxes=str(tmp_path / "boxes"))
        assert [list(b.values()) for b in images.at["turned", "boxes"]] == [box]


def test_with_several_of_one_stem_only_the_box_file_of_the_same_folder_counts(tmp_path: Path, two: Path):
    put(two / CAT / "rex.png", photo(5))
    boxes = tmp_path / "boxes"
    put(boxes / DOG / "rex.xml", box_xml())
    images, dropped = index(tmp_path, two, boxes=str(boxes), ids="path")
    assert len(images.at[f"{DOG}__rex", "boxes"]) == 1
    assert dropped == {f"{CAT}__rex": "box_file_invalid"}
    put(boxes / CAT / "rex.xml", box_xml(box=(0, 0, 2, 2)))
    images, dropped = index(tmp_path, two, boxes=str(boxes), ids="path")
    assert images.at[f"{CAT}__rex", "boxes"][0]["xmax"] == 2
    assert dropped == {}


def test_boxes_of_other_images_altogether(tmp_path: Path, two: Path):
    put(tmp_path / "boxes" / "cat.xml", box_xml())
    with pytest.raises(UsageError, match=r"found 1 of other names \(first: cat\.xml\)"):
        index(tmp_path, two, boxes=str(tmp_path / "boxes"))
    (tmp_path / "none").mkdir()
    with pytest.raises(UsageError, match=r"found no \.xml"):
        index(tmp_path, two, boxes=str(tmp_path / "none"))


def test_a_box_file_nobody_may_read(tmp_path: Path, two: Path, monkeypatch: pytest.MonkeyPatch):
    put(tmp_path / "boxes" / "rex.xml", box_xml())
    opened = Path.open

    def refuse(path: Path, *args, **kwargs):
        if path.suffix == ".xml":
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    _, dropped = index(tmp_path, two, boxes=str(tmp_path / "boxes"))
    assert dropped == {"rex": "box_file_invalid"}
