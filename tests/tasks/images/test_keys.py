"""The key of an image: by stem or path, for the file that can be decoded, in either Unicode form."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.tasks.workspace import Workspace
from tests.support.indexing import CAT, DOG, box_xml, index, photo, put, two_images


@pytest.fixture
def two(tmp_path: Path) -> Path:
    return two_images(tmp_path)


def test_with_ids_by_path_both_files_of_one_stem_are_kept(tmp_path: Path, two: Path):
    put(two / CAT / "deep" / "rex.jpg", photo(5, format="JPEG"))
    images, dropped = index(tmp_path, two, ids="path")
    assert (sorted(images.index), dropped) == ([f"{DOG}__rex", f"{CAT}__deep__rex", f"{CAT}__tom"], {})
    _, dropped = index(tmp_path, two)
    assert dropped == {"rex.jpg": "duplicate_id"}


def test_the_first_of_one_stem_is_kept_and_the_others_are_told_which(tmp_path: Path, two: Path):
    put(two / CAT / "rex.png", photo(5))
    put(two / CAT / "rex.gif", photo(6, format="GIF"))
    put(two / DOG / "rex.bmp", photo(8, format="BMP"))
    images, _ = index(tmp_path, two)
    assert images.at["rex", "uri"] == str(two / DOG / "rex.bmp")
    details = Workspace(tmp_path / "workspace").read("dropped")["detail"]
    assert len(details) == 3
    assert all(f"{DOG}/rex.bmp has; to keep both, give --ids path" in detail for detail in details)
    assert sum("(their labels differ: 207, here 281)" in detail for detail in details) == 2


def test_a_key_belongs_to_the_first_file_that_can_be_decoded(tmp_path: Path, two: Path):
    put(two / DOG / "spot.bmp", b"BM, not a photograph")
    put(two / DOG / "spot.jpg", photo(5, format="JPEG")[:-300])
    put(two / DOG / "spot.png", photo(6))
    put(two / DOG / "spot.webp", photo(7, format="WEBP"))
    put(tmp_path / "boxes" / "spot.xml", box_xml())
    images, dropped = index(tmp_path, two, boxes=str(tmp_path / "boxes"))
    assert images.at["spot", "uri"] == str(two / DOG / "spot.png")
    assert len(images.at["spot", "boxes"]) == 1
    assert dropped == {"spot.bmp": "truncated", "spot.jpg": "truncated", "spot.webp": "duplicate_id"}


def test_a_key_that_no_file_can_have(tmp_path: Path, two: Path):
    put(two / DOG / "spot.bmp", b"")
    put(two / DOG / "spot.jpg", b"")
    images, dropped = index(tmp_path, two)
    assert (list(images.index), dropped) == (["rex", "tom"], {"spot.bmp": "empty_file", "spot.jpg": "empty_file"})


def test_a_broken_file_that_is_listed_twice_is_dropped_once(tmp_path: Path):
    put(tmp_path / "a.png", b"")
    put(tmp_path / "b.png", photo())
    listing = put(tmp_path / "l.csv", f"path,label\na.png,{DOG}\na.png,{DOG}\nb.png,{CAT}\n")
    images, _ = index(tmp_path, listing)
    reasons = sorted(Workspace(tmp_path / "workspace").read("dropped")["reason"])
    assert (list(images.index), reasons) == (["b"], ["duplicate_id", "empty_file"])


def test_a_file_that_is_dropped_anyway_takes_no_key(tmp_path: Path, two: Path):
    put(two / DOG / "tom.txt", "about tom")
    images, dropped = index(tmp_path, two)
    assert (list(images.index), dropped) == (["rex", "tom"], {"tom.txt": "other_file"})


def test_names_are_compared_in_one_unicode_form(tmp_path: Path):
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    root, boxes = tmp_path / "images", tmp_path / "boxes"
    put(root / decomposed / f"{decomposed}.png", photo(1))
    put(root / "bar" / "b.png", photo(2))
    put(boxes / f"{composed}.xml", box_xml())
    classes = put(tmp_path / "classes.csv", f"class_idx,name\n0,{composed}\n1,bar\n")
    images, dropped = index(tmp_path, root, boxes=str(boxes), classes=str(classes))
    assert (list(images.index), dropped) == (["b", composed], {})
    assert images.at[composed, "uri"] == str(root / decomposed / f"{decomposed}.png")
    assert len(images.at[composed, "boxes"]) == 1
    listing = put(tmp_path / "l.csv", f"path,label\nimages/{composed}/{composed}.png,{decomposed}\n")
    images, dropped = index(tmp_path, listing, classes=str(classes))
    assert (list(images.index), dropped) == ([composed], {})
    assert images.at[composed, "uri"] == str(root / decomposed / f"{decomposed}.png")


def test_two_files_of_one_name_in_two_forms_share_a_key(tmp_path: Path, two: Path):
    put(two / DOG / "caf\u00e9.png", photo(5))
    put(two / DOG / "cafe\u0301.png", photo(6))
    images, dropped = index(tmp_path, two)
    assert (list(images.index), list(dropped.values())) == (["caf\u00e9", "rex", "tom"], ["duplicate_id"])
