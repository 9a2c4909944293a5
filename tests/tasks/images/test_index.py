"""Index: every file becomes a row or a reason, and only what changed is indexed again."""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.images.index import STEP, IndexSettings, dropped_files
from reground.tasks.workspace import Workspace, todo
from tests.support.indexing import CAT, DOG, bomb, box_xml, index, photo, put, run, shard_of, two_images
from tests.support.needs import need_shared
from tests.support.world import World


@pytest.fixture
def two(tmp_path: Path) -> Path:
    return two_images(tmp_path)


# Real and drawn data


def test_the_real_sample_is_indexed_whole(tmp_path: Path):
    sample = need_shared("imagenet-sample")
    images, dropped = index(tmp_path, sample / "val", boxes=str(sample / "Annotations"))
    assert dropped == {}
    assert len(images) == 500
    assert (images["boxes"].str.len() == 1).sum() == 176
    assert sorted(images["class_idx"]) == list(range(0, 1000, 2))
    assert [Path(uri).parent.name for uri in images["uri"]] == list(images["wnid"])
    tench = images.loc["n01440764_tench"]
    assert (tench["width"], tench["height"], tench["mode"], tench["split"]) == (500, 375, "RGB", "val")
    assert tench["sha256"] == hashlib.sha256(Path(tench["uri"]).read_bytes()).hexdigest()


def test_the_world_comes_back_exactly(world: World, workspace_url: str):
    workspace = Workspace(workspace_url)
    run(workspace, IndexSettings(str(world.images), str(world.boxes), shard_size=4))
    images = workspace.read("images").set_index("image_id")
    assert images["class_idx"].to_dict() == world.labels
    for image_id, mask in world.masks.items():
        (box,) = images.at[image_id, "boxes"]
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert tuple(box.values()) == (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        assert (images.at[image_id, "height"], images.at[image_id, "width"]) == mask.shape
    assert len(workspace.read("classes")) == 1000
    assert workspace.read("dropped").empty


# Bad files


def test_every_bad_file_has_its_reason_and_the_counts_add_up(tmp_path: Path, two: Path):
    dog = two / DOG
    pages = [Image.fromarray(np.full((4, 4), v, np.uint8)) for v in (0, 255)]
    moving = io.BytesIO()
    pages[0].save(moving, "GIF", save_all=True, append_images=pages[1:])
    bad = {
        "empty.jpg": (b"", "empty_file"),
        "text.jpg": (b"hello", "not_an_image"),
        "notes.txt": (b"hello", "other_file"),
        "bare": (photo(), "other_file"),
        "phone.heic": (photo(), "format_unsupported"),
        "half.png": (photo()[:-30], "truncated"),
        "cut.jpg": (photo(size=(64, 64), format="JPEG")[:-200], "truncated"),
        "bomb.png": (bomb(60_000, 60_000), "too_large"),
        "moving.gif": (moving.getvalue(), "animated"),
    }
    for name, (content, _) in bad.items():
        put(dog / name, content)
    put(two / "unicorn" / "a.png", photo())
    put(two / "stray.png", photo())
    put(two / CAT / "rex.png", photo(5))
    (dog / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (dog / "round.png").symlink_to(dog / "round.png")
    os.mkfifo(dog / "pipe.png")
    hidden = [
        dog / ".DS_Store",
        dog / "._rex.png",
        dog / "Thumbs.db",
        two / ".cache" / "x.png",
        two / "__MACOSX" / "y.png",
    ]
    for path in hidden:
        put(path, b"x")
    images, dropped = index(tmp_path, two)
    assert dropped == {
        **{name: reason for name, (_, reason) in bad.items()},
        "a.png": "label_unknown",
        "stray.png": "label_missing",
        "rex.png": "duplicate_id",
        "gone.png": "unreadable",
        "round.png": "unreadable",
        "pipe.png": "not_an_image",
    }
    assert list(images.index) == ["rex", "tom"]
    files = sum(len(names) for _, _, names in os.walk(two)) - len(hidden)
    workspace = Workspace(tmp_path / "workspace")
    assert files == len(images) + len(dropped_files(workspace.read("dropped")))
    assert sum(shard.size for shard in todo(STEP, workspace, IndexSettings(str(two))).shards) == files


def test_odd_but_good_images_are_indexed_as_shown(tmp_path: Path, two: Path):
    deep = Image.fromarray(np.array([[0, 65535]] * 3, np.uint16))
    buffer = io.BytesIO()
    deep.save(buffer, "PNG")
    put(two / DOG / "deep.png", buffer.getvalue())
    exif = Image.Exif()
    exif[0x0112] = 6
    put(two / DOG / "turned.JPG", photo(size=(30, 20), format="JPEG", exif=exif))
    put(two / DOG / "png_called.jpeg", photo())
    images, dropped = index(tmp_path, two)
    assert dropped == {}
    assert images.loc[["deep", "turned"], ["width", "height", "mode"]].to_numpy().tolist() == [
        [2, 3, "I;16"],
        [20, 30, "RGB"],
    ]
    assert "png_called" in images.index


def test_files_nobody_may_read(tmp_path: Path, two: Path, monkeypatch: pytest.MonkeyPatch):
    put(two / DOG / "locked.png", photo(3))
    put(two / "n02123394" / "inside.png", photo(4))
    read_bytes, scandir = Path.read_bytes, os.scandir

    def no_reading(path: Path) -> bytes:
        if path.name == "locked.png":
            raise PermissionError(13, "Permission denied")
        return read_bytes(path)

    def no_listing(path):
        if Path(path).name == "n02123394":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(Path, "read_bytes", no_reading)
    monkeypatch.setattr(os, "scandir", no_listing)
    images, dropped = index(tmp_path, two)
    assert dropped == {"locked.png": "unreadable", "n02123394": "unreadable"}
    assert list(images.index) == ["rex", "tom"]
    # The folder is told of, but is no file.
    assert len(dropped_files(Workspace(tmp_path / "workspace").read("dropped"))) == 1


def test_a_huge_file_is_not_read(tmp_path: Path, two: Path, monkeypatch: pytest.MonkeyPatch):
    with (two / DOG / "huge.png").open("wb") as handle:
        handle.truncate(3_000_000)
    _, dropped = index(tmp_path, two, max_pixels=200_000)
    assert dropped == {"huge.png": "too_large"}


# Labels


def test_folders_by_name_and_by_index_and_nested_files(tmp_path: Path):
    root = tmp_path / "images"
    put(root / "golden retriever" / "a.png", photo(1))
    put(root / "00281" / "young" / "b.png", photo(2))
    put(root / DOG / "c.png", photo(3))
    images, _ = index(tmp_path, root)
    assert images["class_idx"].to_dict() == {"a": 207, "b": 281, "c": 207}
    assert images["wnid"].to_dict() == {"a": DOG, "b": CAT, "c": DOG}


def test_own_classes_lying_among_the_images(tmp_path: Path):
    root = tmp_path / "images"
    put(root / "good" / "a.png", photo(1))
    put(root / "bad" / "b.png", photo(2))
    classes = put(root / "classes.csv", "class_idx,name\n4,good\n9,bad\n")
    images, dropped = index(tmp_path, root, classes=str(classes))
    assert (images["class_idx"].to_dict(), dropped) == ({"a": 4, "b": 9}, {})
    assert set(images["wnid"]) == {""}
    assert Workspace(tmp_path / "workspace").read("classes")["name"].to_list() == ["good", "bad"]


def test_labels_that_count_from_one_are_refused(tmp_path: Path):
    for number in (1, 500, 1000):
        put(tmp_path / "images" / str(number) / f"{number}.png", photo(number))
    with pytest.raises(UsageError, match="count from 1"):
        index(tmp_path, tmp_path / "images")
    put(tmp_path / "images" / "0" / "0.png", photo(0))
    images, dropped = index(tmp_path, tmp_path / "images")
    assert (images["class_idx"].to_list(), dropped) == ([0, 1, 500], {"1000.png": "label_unknown"})


# The budget of dropped files


def test_too_many_dropped_files_fail_and_say_which(tmp_path: Path, two: Path):
    for number in range(3):
        put(two / DOG / f"empty{number}.png")
    put(two / "unicorn" / "u.png", photo())
    workspace, settings = Workspace(tmp_path / "workspace"), IndexSettings(str(two))
    for _ in range(2):  # the second time nothing is left to do, and it fails all the same
        with pytest.raises(RegroundError) as caught:
            run(workspace, settings)
        for words in ("4 of 6 files", "3 empty_file", "empty0.png", "1 label_unknown", "'unicorn' is no"):
            assert words in str(caught.value)
    assert len(workspace.read("images")) == 2
    assert len(workspace.read("dropped")) == 4
    assert run(workspace, replace(settings, max_dropped=0.7)) == [], "a larger budget alone is no new work"


def test_nothing_indexed_fails_whatever_the_budget(tmp_path: Path):
    put(tmp_path / "images" / DOG / "a.png")
    with pytest.raises(UsageError, match="1 of 1 files were dropped"):
        run(Workspace(tmp_path / "workspace"), IndexSettings(str(tmp_path / "images"), max_dropped=1.0))


# Resume


def test_only_shards_whose_files_changed_are_made_again(tmp_path: Path):
    root, boxes = tmp_path / "images", tmp_path / "boxes"
    for number in range(6):
        put(root / DOG / f"{number}.png", photo(number))
    put(boxes / "5.xml", box_xml())
    classes = put(tmp_path / "classes.csv", f"class_idx,name,wnids\n0,dog,{DOG}\n")
    workspace = Workspace(tmp_path / "workspace")
    settings = IndexSettings(str(root), str(boxes), classes=str(classes), shard_size=2)
    shards = [shard.id for shard in todo(STEP, workspace, settings).shards[1:]]
    assert len(shards) >= 3
    assert run(workspace, settings) == ["classes", *shards]
    assert run(workspace, settings) == []
    home = {image_id: shard_of(workspace, image_id) for image_id in "012345"}
    assert set(home.values()) == set(shards)
    put(root / DOG / "0.png", photo(77, size=(13, 8)))
    assert run(workspace, settings) == [home["0"]]
    os.utime(root / DOG / "2.png", ns=(1, 1))
    assert run(workspace, settings) == [home["2"]]
    put(boxes / "5.xml", box_xml(box=(1, 2, 6, 6)))
    os.utime(boxes / "5.xml", ns=(1, 1))
    assert run(workspace, settings) == [home["5"]]
    put(classes, f"class_idx,name,wnids\n0,hound,{DOG}\n")
    assert run(workspace, settings) == ["classes", home["5"]], "boxes are compared with the classes by name"
    put(classes, f"class_idx,name,wnids\n3,hound,{DOG}\n")
    assert run(workspace, settings) == ["classes", *shards]
    put(boxes / "0.xml", box_xml((13, 8)))
    assert run(workspace, settings) == [home["0"]]


def test_two_indexes_of_one_folder_are_the_same_bytes(tmp_path: Path, world: World):
    settings = IndexSettings(str(world.images), str(world.boxes), shard_size=5)
    parts = []
    for name in ("one", "two"):
        workspace = Workspace(tmp_path / name)
        run(workspace, settings)
        parts.append([(part.path, part.digest) for _, part in workspace.parts("images")])
    assert parts[0] == parts[1]
