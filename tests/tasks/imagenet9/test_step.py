"""Released data come in whole: archives as published, our own exports, and whatever else lies in such a folder."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reground.flows.steps import find
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.imagenet9.step import STEP, Imagenet9Settings
from reground.tasks.masks import decode_mask
from reground.tasks.schema import VARIANTS
from reground.tasks.workspace import Output, Workspace, todo
from tests.support.export_world import export
from tests.support.released_data import (
    DOG,
    FISH,
    GROUP_OF,
    MIXED,
    SECOND_DOG,
    SIDE,
    encoded,
    imagenet_varied,
    mask,
    published,
    run_released,
    varied,
)
from tests.support.tables import class_row, image

TABLES = ("classes", "groups", "foregrounds", *(f"variants/{name}" for name in VARIANTS))


def released(folder: Path, tmp_path: Path, size: int = SIDE) -> Workspace:
    workspace = Workspace(tmp_path / "imagenet9")
    run_released(workspace, folder, tmp_path / "log", size)
    return workspace


def reasons(workspace: Workspace) -> dict[str, str]:
    dropped = workspace.read("dropped")
    assert set(dropped["stage"]) <= {"imagenet9"} and (dropped["detail"] != "").all()
    assert dropped["item"].is_unique
    return dict(zip(dropped["item"], dropped["reason"], strict=True))


# An archive as published


def test_a_published_archive_becomes_the_tables_that_variants_are(tmp_path):
    folder = published(tmp_path / "bg_challenge")
    workspace = released(folder, tmp_path)
    images = workspace.read("images").set_index("image_id")
    assert dict(images["class_idx"]) == {DOG: 151, SECOND_DOG: 151, FISH: 0}
    assert set(images["wnid"]) == {"n02085620", "n01440764"} and set(images["split"]) == {"val"}
    assert images.loc[DOG, "uri"] == str(folder / "original" / "val" / "00_dog" / f"{DOG}.JPEG")
    assert (images["width"] == SIDE).all() and not any(len(boxes) for boxes in images["boxes"])
    assert len(workspace.read("classes")) == 1000 and len(workspace.read("groups")) == 370
    for name in VARIANTS:
        rows = workspace.read(f"variants/{name}").set_index("image_id")
        assert dict(rows["group"]) == GROUP_OF
        for found in rows["image"]:
            (path,) = (folder / name / "val").rglob(found["path"])
            assert found["bytes"] == path.read_bytes()
    assert workspace.read("dropped").empty


def test_backgrounds_are_what_published_names_can_be_trusted_with(tmp_path):
    workspace = released(published(tmp_path / "bg_challenge"), tmp_path)
    for name in ("mixed_same", "mixed_next"):
        rows = workspace.read(f"variants/{name}").set_index("image_id")
        assert dict(rows["background_id"]) == {DOG: FISH, SECOND_DOG: FISH, FISH: DOG}
        assert dict(rows["background_group"]) == {DOG: 8, SECOND_DOG: 8, FISH: 0}
    for name in ("mixed_rand", "only_bg_t", "original"):
        rows = workspace.read(f"variants/{name}")
        assert rows["background_id"].isna().all() and rows["background_group"].isna().all()
        assert (rows["seed"] == 0).all()


def test_masks_are_those_of_the_files(tmp_path):
    foregrounds = released(published(tmp_path / "bg_challenge"), tmp_path).read("foregrounds").set_index("image_id")
    for number, image_id in enumerate(GROUP_OF):
        found = foregrounds.loc[image_id]
        np.testing.assert_array_equal(decode_mask(found["rle"], SIDE, SIDE), mask(number))
        assert (found["group"], found["width"], found["height"]) == (GROUP_OF[image_id], SIDE, SIDE)


def test_the_group_is_that_of_the_folder(tmp_path, caplog):
    """As the published evaluators have it, whatever the map says of the class."""
    folder = published(tmp_path / "bg_challenge")
    whippet = "n02091134_00001"  # a dog that the published map leaves out
    (folder / "original" / "val" / "00_dog" / f"{whippet}.JPEG").write_bytes(encoded(77))
    with caplog.at_level(logging.WARNING):
        workspace = released(folder, tmp_path)
    original = workspace.read("variants/original").set_index("image_id")
    assert original.loc[whippet, "group"] == 0 and original.loc[whippet, "class_idx"] == 172
    assert "1 of 4 images are in the folder of another group than that of their class" in caplog.text


def test_sets_that_are_not_there_are_said(tmp_path, caplog):
    folder = published(tmp_path / "bg_challenge")
    for name in ("no_fg", "fg_mask"):
        shutil.rmtree(folder / name)
    (folder / "mixed_same" / "val" / "08_fish" / f"fg_{FISH}_bg_{DOG}.JPEG").unlink()
    with caplog.at_level(logging.WARNING):
        workspace = released(folder, tmp_path)
    assert "variants/no_fg" not in workspace.tables() and "foregrounds" not in workspace.tables()
    assert len(workspace.read("variants/only_fg")) == 3
    for said in ("variants/no_fg: 3 of 3", "variants/mixed_same: 1 of 3", "foregrounds: 3 of 3"):
        assert said in caplog.text


# Our own exports


def test_an_export_comes_back_as_it_was(tmp_path):
    before = imagenet_varied(tmp_path / "w")
    out = export(before, "imagenet9", tmp_path / "out")
    after = released(out, tmp_path)
    for table in TABLES:
        one, other = (made.read(table).drop(columns="image", errors="ignore") for made in (before, after))
        pd.testing.assert_frame_equal(one, other)
    assert reasons(after) == {}
    again = export(after, "imagenet9", tmp_path / "again")
    for path in out.rglob("*.JPEG"):
        assert (again / path.relative_to(out)).read_bytes() == path.read_bytes()


def test_odd_names_own_classes_and_own_groups_come_back(tmp_path):
    ids = ["a b", "é/ü".replace("/", ","), "x_bg_y", ".hidden", "mynpy", "fg_1", "字" * 60, "n02085620_1", 'q"u,o\nte']
    classes = [class_row(3, "three"), class_row(5, "five, or so"), class_row(9, 'the "ninth"')]
    groups = [
        {"group": 0, "name": "Odd", "class_idx": 3},
        {"group": 0, "name": "Odd", "class_idx": 9},
        {"group": 1, "name": "Big & blue/green", "class_idx": 5},
    ]
    class_of = {image_id: (3, 5, 9)[number % 3] for number, image_id in enumerate(ids)}
    before = varied(Workspace(tmp_path / "w"), class_of, groups, classes)
    after = released(export(before, "imagenet9", tmp_path / "out"), tmp_path)
    for table in TABLES:
        one, other = (made.read(table).drop(columns="image", errors="ignore") for made in (before, after))
        pd.testing.assert_frame_equal(one, other)
    assert dict(zip(after.read("images")["image_id"], after.read("images")["class_idx"], strict=True)) == class_of


def test_names_alone_bring_back_backgrounds_and_seeds(tmp_path):
    before = imagenet_varied(tmp_path / "w")
    out = export(before, "imagenet9", tmp_path / "out")
    (out / "metadata.csv").unlink()
    after = released(out, tmp_path)
    for name in MIXED:
        columns = ["image_id", "background_id", "background_group", "seed"]
        pd.testing.assert_frame_equal(*(made.read(f"variants/{name}", columns) for made in (before, after)))


# Resume


def test_the_same_bytes_in_processes_and_nothing_twice(tmp_path):
    folder = published(tmp_path / "bg_challenge")
    one, other = (Workspace(tmp_path / name) for name in ("one", "other"))
    run_released(one, folder, tmp_path / "log")
    run_released(other, folder, tmp_path / "log", kind="processes")
    digests = [[workspace.table_digest(table) for table in (*TABLES, "images")] for workspace in (one, other)]
    assert digests[0] == digests[1]
    settings = Imagenet9Settings(str(folder), SIDE)
    assert todo(STEP, one, settings).missing == []
    path = folder / "no_fg" / "val" / "08_fish" / f"{FISH}.JPEG"
    path.write_bytes(encoded(99))
    assert [shard.id for shard in todo(STEP, one, settings).missing] == ["all"]
    run_released(one, folder, tmp_path / "log")
    (row,) = (row for row in one.read("variants/no_fg").to_dict("records") if row["image_id"] == FISH)
    assert row["image"]["bytes"] == path.read_bytes()


def test_a_workspace_with_images_of_its_own_is_refused(tmp_path):
    workspace = Workspace(tmp_path / "w")
    workspace.commit("index", "00000", "key", Output({"images": [image("a", 1)]}))
    with pytest.raises(UsageError, match=r"without output of `reground index`"):
        run_released(workspace, published(tmp_path / "bg_challenge"), tmp_path / "log")


def test_a_workspace_of_released_data_takes_no_images_of_its_own(tmp_path):
    folder = published(tmp_path / "bg_challenge")
    workspace = released(folder, tmp_path)
    for name in ("index", "masks", "variants"):
        step = find(name)
        settings = step.settings(images=str(folder / "original" / "val")) if name == "index" else step.settings()
        with pytest.raises(UsageError, match=r"without output of `reground imagenet9`"):
            todo(step, workspace, settings)


# Files that cannot be used


def test_every_file_is_used_or_dropped_with_its_reason(tmp_path):
    folder = published(tmp_path / "bg_challenge")
    original, masks = folder / "original" / "val", folder / "fg_mask" / "val"
    bird = "n01514859_00001"

    def write(place: str, content: bytes) -> None:
        (folder / place).write_bytes(content)

    write("original/val/00_dog/notes.txt", b"see below")
    write("original/val/readme.JPEG", encoded(1))
    write("original/val/00_dog/rex.JPEG", encoded(1))
    write("original/val/00_dog/n00000001_1.JPEG", encoded(1))
    write(f"original/val/00_dog/{DOG}.png", encoded(1, "PNG"))
    write("original/val/01_bird/n01514859_00002.JPEG", b"no image")
    write("only_fg/val/01_bird/n01514859_00002.JPEG", encoded(2))
    np.save(masks / "01_bird" / "n01514859_00002.npy", mask(2))
    write("original/val/01_bird/n01514859_00003.JPEG", encoded(3, side=SIDE + 1))
    write("original/val/01_bird/n01514859_00004.JPEG", encoded(3, side=4 * SIDE))
    write("original/val/01_bird/n01514859_00005.JPEG", b"")
    write(f"original/val/01_bird/{bird}.JPEG", encoded(4))
    write(f"only_fg/val/01_bird/{bird}.JPEG", encoded(4)[:200])
    write("no_fg/val/01_bird/n01514859_00009.JPEG", encoded(5))
    write(f"mixed_same/val/00_dog/fg_{DOG}_bg_{SECOND_DOG}.JPEG", encoded(6))
    write("mixed_rand/val/00_dog/n02085620_12345.JPEG", encoded(6))
    write("fg_mask/val/00_dog/n02085620_12345.npy", b"")
    write(f"fg_mask/val/00_dog/{DOG}.txt", b"")
    np.save(masks / "00_dog" / f"{DOG}.npy", np.ones((SIDE, SIDE + 1), np.uint8))
    np.save(masks / "00_dog" / f"{SECOND_DOG}.npy", np.full((SIDE, SIDE), 255, np.uint8))
    (original / "08_fish" / "gone.JPEG").symlink_to(tmp_path / "gone")
    workspace = released(folder, tmp_path)
    assert reasons(workspace) == {
        "original/val/00_dog/notes.txt": "not_an_image",
        "original/val/readme.JPEG": "label_missing",
        "original/val/00_dog/rex.JPEG": "label_missing",
        "original/val/00_dog/n00000001_1.JPEG": "label_unknown",
        f"original/val/00_dog/{DOG}.png": "duplicate_id",
        "original/val/01_bird/n01514859_00002.JPEG": "not_an_image",
        "only_fg/val/01_bird/n01514859_00002.JPEG": "no_original",
        "original/val/01_bird/n01514859_00003.JPEG": "image_size_mismatch",
        "original/val/01_bird/n01514859_00004.JPEG": "too_large",
        "original/val/01_bird/n01514859_00005.JPEG": "empty_file",
        f"only_fg/val/01_bird/{bird}.JPEG": "truncated",
        "no_fg/val/01_bird/n01514859_00009.JPEG": "no_original",
        f"mixed_same/val/00_dog/fg_{DOG}_bg_{SECOND_DOG}.JPEG": "duplicate_id",
        "mixed_rand/val/00_dog/n02085620_12345.JPEG": "no_original",
        "fg_mask/val/00_dog/n02085620_12345.npy": "no_original",
        f"fg_mask/val/00_dog/{DOG}.txt": "not_an_image",
        f"fg_mask/val/00_dog/{DOG}.npy": "mask_size_mismatch",
        f"fg_mask/val/00_dog/{SECOND_DOG}.npy": "mask_failed",
        "original/val/08_fish/gone.JPEG": "unreadable",
        **{f"fg_mask/val/01_bird/n01514859_0000{number}.npy": "mask_missing" for number in (1, 3, 4, 5)},
        "fg_mask/val/01_bird/n01514859_00002.npy": "no_original",
    }
    assert set(workspace.read("images")["image_id"]) == {DOG, SECOND_DOG, FISH, bird}
    assert set(workspace.read("foregrounds")["image_id"]) == {FISH}


def test_a_file_that_the_metadata_list_and_is_gone_is_said(tmp_path):
    out = export(imagenet_varied(tmp_path / "w"), "imagenet9", tmp_path / "out")
    (out / "only_fg" / "val" / "08_fish" / f"{FISH}.JPEG").unlink()
    workspace = released(out, tmp_path)
    assert reasons(workspace) == {f"only_fg/val/08_fish/{FISH}.JPEG": "unreadable"}


def test_images_of_another_size_are_an_error_that_names_the_setting(tmp_path):
    with pytest.raises(RegroundError, match=r"images of 224 x 224 pixels \(imagenet9\.size\).*24 x 24 pixels"):
        released(published(tmp_path / "bg_challenge"), tmp_path, size=224)
