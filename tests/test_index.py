"""Index: every file becomes a row or a reason, whatever the folder, the devkit or the CSV is like."""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.errors import RegroundError, UsageError
from tasks.index import STEP, IndexSettings, dropped_files
from tasks.sources import GROUND_TRUTH, list_source, read_ground_truth
from tasks.step import finish, run_shard, todo
from tasks.store import Workspace
from tasks.walk import walk
from tests.needs import need_shared
from tests.test_boxes import BILLION
from tests.test_images import bomb
from tests.world import World

DOG, CAT = "n02099601", "n02123045"  # classes 207 and 281


def photo(seed: int = 0, size: tuple[int, int] = (12, 8), format: str = "PNG", **options) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)
    return buffer.getvalue()


def box_xml(size: tuple[int, int] = (12, 8), box: tuple[int, int, int, int] = (1, 2, 6, 7)) -> str:
    edges = "".join(f"<{n}>{v}</{n}>" for n, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    return (
        f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>"
        f"<object><name>x</name><bndbox>{edges}</bndbox></object></annotation>"
    )


def put(path: Path, content: bytes | str = b"") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def run(workspace: Workspace, settings: IndexSettings) -> list[str]:
    found = todo(STEP, workspace, settings)
    for shard in found.missing:
        run_shard(STEP, workspace, settings, shard)
    finish(STEP, workspace, found)
    return [shard.id for shard in found.missing]


def index(tmp_path: Path, images: Path, **settings) -> tuple[pd.DataFrame, dict[str, str]]:
    """The table ``images`` by image_id, and what was dropped: name of the item -> reason."""
    workspace = Workspace(tmp_path / "workspace")
    run(workspace, IndexSettings(str(images), **{"max_dropped": 1.0, **settings}))
    dropped = workspace.read("dropped")
    assert dropped["detail"].str.len().min() > 0 or dropped.empty
    assert not dropped.duplicated().any()
    reasons = {Path(item).name: reason for item, reason in zip(dropped["item"], dropped["reason"], strict=True)}
    return workspace.read("images").set_index("image_id"), reasons


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """The smallest ImageFolder: one dog, one cat."""
    put(tmp_path / "images" / DOG / "rex.png", photo(1))
    put(tmp_path / "images" / CAT / "tom.png", photo(2))
    return tmp_path / "images"


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
        "notes.txt": (b"hello", "not_an_image"),
        "bare": (photo(), "not_an_image"),
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


def test_a_folder_that_cannot_be_listed_at_all(tmp_path: Path, two: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UsageError, match=r"cannot be listed.*Permission denied"):
        index(tmp_path, two)


def test_links_are_followed_but_not_in_circles(tmp_path: Path, two: Path):
    put(tmp_path / "elsewhere" / "far.png", photo(7))
    (two / DOG / "linked").symlink_to(tmp_path / "elsewhere")
    (two / DOG / "loop").symlink_to(two)
    images, dropped = index(tmp_path, two)
    assert sorted(images.index) == ["far", "rex", "tom"]
    assert images.at["far", "uri"] == str(two / DOG / "linked" / "far.png")
    assert dropped == {"loop": "unreadable"}


def test_a_name_that_is_no_text(tmp_path: Path, two: Path):
    raw = os.fsencode(two / DOG) + b"/caf\xe9.png"
    Path(os.fsdecode(raw)).write_bytes(photo())
    _, dropped = index(tmp_path, two)
    assert dropped == {"caf\\xe9.png": "unreadable"}


def test_a_huge_file_is_not_read(tmp_path: Path, two: Path, monkeypatch: pytest.MonkeyPatch):
    with (two / DOG / "huge.png").open("wb") as handle:
        handle.truncate(3_000_000)
    _, dropped = index(tmp_path, two, max_pixels=200_000)
    assert dropped == {"huge.png": "too_large"}


# Keys


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


def test_a_file_that_is_dropped_anyway_takes_no_key(tmp_path: Path, two: Path):
    put(two / DOG / "tom.txt", "about tom")
    images, dropped = index(tmp_path, two)
    assert (list(images.index), dropped) == (["rex", "tom"], {"tom.txt": "not_an_image"})


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
    listed = list_source(str(put(tmp_path / "l.csv", f"path,label\n{'x' * 5000}.png,0\na\0.png,0\n")))
    assert [item.found.obstacle and item.found.obstacle.reason for item in listed] == ["unreadable", "unreadable"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "Missing: path, label"),
        ("path;label\na;b\n", "with commas"),
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
    with pytest.raises(RegroundError, match="1 of 1 files were dropped"):
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
    assert run(workspace, settings) == ["classes", "00000", "00001", "00002"]
    assert run(workspace, settings) == []
    put(root / DOG / "0.png", photo(77, size=(13, 8)))
    assert run(workspace, settings) == ["00000"]
    os.utime(root / DOG / "2.png", ns=(1, 1))
    assert run(workspace, settings) == ["00001"]
    put(boxes / "5.xml", box_xml(box=(1, 2, 6, 6)))
    os.utime(boxes / "5.xml", ns=(1, 1))
    assert run(workspace, settings) == ["00002"]
    put(classes, f"class_idx,name,wnids\n0,hound,{DOG}\n")
    assert run(workspace, settings) == ["classes"]
    put(classes, f"class_idx,name,wnids\n3,hound,{DOG}\n")
    assert run(workspace, settings) == ["classes", "00000", "00001", "00002"]
    (root / DOG / "4.png").unlink()
    (root / DOG / "5.png").unlink()
    put(boxes / "0.xml", box_xml((13, 8)))
    assert run(workspace, settings) == ["00000"]
    assert sorted(workspace.read("images")["image_id"]) == ["0", "1", "2", "3"]


def test_two_indexes_of_one_folder_are_the_same_bytes(tmp_path: Path, world: World):
    settings = IndexSettings(str(world.images), str(world.boxes), shard_size=5)
    parts = []
    for name in ("one", "two"):
        workspace = Workspace(tmp_path / name)
        run(workspace, settings)
        parts.append([(part.path, part.sha256) for _, part in workspace.parts("images")])
    assert parts[0] == parts[1]


def test_listing_opens_no_file(two: Path, monkeypatch: pytest.MonkeyPatch):
    def never(*_, **__):
        raise AssertionError("opened")

    monkeypatch.setattr("builtins.open", never)
    monkeypatch.setattr(Path, "open", never)
    assert [found.name for found in walk(two)] == [f"{DOG}/rex.png", f"{CAT}/tom.png"]
