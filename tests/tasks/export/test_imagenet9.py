"""The export that the published evaluators read: names, places, pixels, and what stands beside them."""

from __future__ import annotations

import csv
import io
import json
import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, JpegImagePlugin
from torchvision.datasets import ImageFolder

from reground.tasks.errors import RegroundError
from reground.tasks.export.imagenet9 import jpeg
from reground.tasks.imagenet9 import layout
from reground.tasks.images import decode_rgb
from reground.tasks.masks import encode_mask
from reground.tasks.schema import VARIANTS
from reground.tasks.workspace import Output, Workspace, derive_seed
from tests.support.export_world import export
from tests.support.needs import need_shared
from tests.support.released_data import FOLDERS, GROUP_OF, MIXED, SIDE, encoded, imagenet_varied, mask, pixels, varied
from tests.support.tables import class_row, put

IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1).filter(layout.is_key)
SHORT = st.text("bgf_.npy ~%é", min_size=1, max_size=12).filter(layout.is_key)
SEEDS = st.integers(0, 2**63 - 1)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return imagenet_varied(tmp_path_factory.mktemp("varied") / "w")


@pytest.fixture(scope="module")
def out(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(workspace, "imagenet9", tmp_path_factory.mktemp("exported") / "out")


def metadata(out: Path) -> dict[str, dict[str, str]]:
    with (out / "metadata.csv").open(newline="") as handle:
        return {row["path"]: row for row in csv.DictReader(handle)}


def files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


# Names


def test_folders_are_called_as_published():
    assert FOLDERS == [
        "00_dog",
        "01_bird",
        "02_wheeled vehicle",
        "03_reptile",
        "04_carnivore",
        "05_insect",
        "06_musical instrument",
        "07_primate",
        "08_fish",
    ]


@given(st.lists(st.text(max_size=300), min_size=1, max_size=120))
def test_folders_of_any_groups_sort_as_they_are_numbered(names):
    folders = [layout.class_folder(group, name, len(names)) for group, name in enumerate(names)]
    assert folders == sorted(folders)
    assert all(folder.isascii() and "/" not in folder and len(folder) < 255 for folder in folders)


@given(SHORT | IDS.filter(lambda image_id: len(image_id) < 15), SHORT, st.integers(0, 999_999_999), SEEDS)
def test_a_mixed_name_says_what_it_was_made_of(image_id, background_id, group, seed):
    name = layout.mixed_stem(image_id, background_id, group, seed)
    assert layout.parse_mixed(name) == layout.MixedName(image_id, background_id, group, seed)
    assert layout.parse_stem(layout.stem(image_id)) == image_id


@given(IDS, IDS)
def test_a_stem_fits_every_file_system_and_the_published_evaluator(one, other):
    name = layout.stem(one)
    assert name.isascii() and name.isprintable() and "/" not in name and not name.startswith(".")
    assert len(name) + len(".JPEG") <= 255
    assert f"{name}.npy".replace("npy", "JPEG") == f"{name}.JPEG"
    assert (layout.stem(other) == name) == (other == one)


@given(st.text(max_size=60) | st.from_regex(r"fg_.*_bg_.*(_group[0-9]+_seed[0-9]+)?", fullmatch=True))
def test_any_name_is_read_or_refused(name):
    found = layout.parse_mixed(name)
    assert found is None or (found.image_id and found.background_id)
    if found and found.seed is not None:
        assert 0 <= found.seed < 2**63


# The files


def test_every_set_has_every_class_folder_and_every_image(out):
    assert {path.name for path in out.iterdir() if path.is_dir()} == {*VARIANTS, "fg_mask"}
    for name in (*VARIANTS, "fg_mask"):
        assert sorted(path.name for path in (out / name / "val").iterdir()) == FOLDERS
        found = {path.parent.name for path in (out / name / "val").rglob("*.*")}
        assert found == {FOLDERS[group] for group in GROUP_OF.values()}
    originals = {path.relative_to(out / "original").with_suffix("") for path in (out / "original").rglob("*.JPEG")}
    masks = {path.relative_to(out / "fg_mask").with_suffix("") for path in (out / "fg_mask").rglob("*.npy")}
    assert originals == masks and len(masks) == 3


def test_torchvision_reads_it_with_the_published_labels(out):
    for name in VARIANTS:
        read = ImageFolder(str(out / name / "val"), allow_empty=True)
        assert read.classes == FOLDERS
        assert sorted(label for _, label in read.samples) == [0, 0, 8]


def test_pixels_survive(out, workspace):
    for name in VARIANTS:
        stored = {
            row["image_id"]: row["image"]["bytes"] for row in workspace.read(f"variants/{name}").to_dict("records")
        }
        for path, row in metadata(out).items():
            if path.startswith(f"{name}/"):
                with Image.open(out / path) as image:
                    assert isinstance(image, JpegImagePlugin.JpegImageFile)
                    assert (image.size, image.mode) == ((SIDE, SIDE), "RGB")
                    assert JpegImagePlugin.get_sampling(image) == 0  # 4:4:4
                    found = np.asarray(image, np.int16)
                assert np.abs(found - decode_rgb(stored[row["image_id"]])).max() <= 8


def test_masks_are_arrays_of_0_and_1(out):
    for number, image_id in enumerate(GROUP_OF):
        found = np.load(out / "fg_mask" / "val" / FOLDERS[GROUP_OF[image_id]] / f"{image_id}.npy", allow_pickle=False)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, mask(number))


def test_what_is_jpeg_already_stays_as_it_is():
    content = encoded(3)
    assert jpeg(content) is content
    again = jpeg(encoded(3, "PNG"))
    assert again != content and jpeg(encoded(3, "PNG")) == again
    assert np.abs(decode_rgb(again).astype(int) - pixels(3)).max() <= 8


def test_backgrounds_groups_and_seeds_are_in_names_and_in_the_metadata(out, workspace):
    rows = metadata(out)
    assert len(rows) == 3 * len(VARIANTS) == sum(path.endswith(".JPEG") for path in files(out))
    for name in VARIANTS:
        stored = workspace.read(f"variants/{name}").set_index("image_id")
        for path, row in rows.items():
            if path.startswith(f"{name}/"):
                true = stored.loc[row["image_id"]]
                assert (out / path).is_file()
                assert (int(row["class_idx"]), int(row["group"]), int(row["seed"])) == (
                    *(true["class_idx"], true["group"], true["seed"]),
                )
                told = layout.parse_mixed(Path(path).stem)
                if name in MIXED:
                    assert told == layout.MixedName(
                        *(row["image_id"], true["background_id"], true["background_group"], true["seed"])
                    )
                else:
                    assert told is None and row["background_id"] == row["background_group"] == ""


def test_the_same_workspace_gives_the_same_bytes(out, workspace, tmp_path):
    assert files(export(workspace, "imagenet9", tmp_path / "again")) == files(out)


def test_the_class_map_is_the_published_one(out):
    ours = json.loads((out / "in_to_in9.json").read_text())
    assert len(ours) == 1000 and set(ours.values()) == set(range(-1, 9))
    assert ours["151"] == 0 and ours["171"] == ours["281"] == -1
    assert ours == json.loads((need_shared("backgrounds-challenge") / "in_to_in9.json").read_text())


# Beside the files


def test_the_card_counts_and_says_how(out):
    card = (out / "DATA_CARD.md").read_text()
    assert "- mixed_rand: 3 images\n" in card and "- fg_mask: 3 masks" in card
    assert "- 00_dog: 2 images of original\n" in card and "- 03_reptile: 0 images" in card
    assert f"- size: {SIDE} x {SIDE} pixels" in card
    assert "quality 95, 4:4:4" in card
    assert "Without images: 01_bird, 02_wheeled vehicle, 03_reptile" in card


def test_the_card_tells_seeds_settings_masks_and_what_was_dropped(tmp_path):
    workspace = imagenet_varied(tmp_path / "w")
    for step, settings in (("variants", {"seed": 7}), ("masks", {"method": "grabcut"})):
        workspace.commit(step, "0000", "0" * 32, Output(), settings)
    rows = workspace.read("variants/mixed_next").to_dict("records")
    for row in rows:
        row["seed"] = derive_seed(7, row["image_id"], "mixed_next")
        row["background_group"] = int(row["background_group"])
    put(workspace, "variants/mixed_next", rows)
    put(workspace, "dropped", [{"stage": "masks", "item": "x", "reason": "no_box", "detail": "none"}])
    card = (export(workspace, "imagenet9", tmp_path / "out") / "DATA_CARD.md").read_text()
    assert "- base seed of the backgrounds: 7\n" in card
    assert '{"masks": {"method": "grabcut"}, "variants": {"seed": 7}}' in card
    assert "- dropped in masks: 1 no_box\n" in card
    workspace.commit("variants", "0000", "0" * 32, Output(), {"seed": 8})
    card = (export(workspace, "imagenet9", tmp_path / "other") / "DATA_CARD.md").read_text()
    assert "backgrounds: not known here" in card


def test_groups_without_images_are_said(workspace, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        export(workspace, "imagenet9", tmp_path / "out")
    assert "no images in 01_bird" in caplog.text and "allow_empty=True" in caplog.text


def test_a_group_number_that_no_class_has_keeps_its_place(tmp_path):
    groups = [{"group": 2, "name": "Zebras", "class_idx": 5}, {"group": 0, "name": "Ants/Bees", "class_idx": 4}]
    workspace = varied(Workspace(tmp_path / "w"), {"a": 5, "b": 4}, groups, [class_row(4), class_row(5)])
    out = export(workspace, "imagenet9", tmp_path / "out")
    assert sorted(path.name for path in (out / "original" / "val").iterdir()) == [
        "00_ants%2Fbees",
        "01_none",
        "02_zebras",
    ]
    assert (out / "fg_mask" / "val" / "02_zebras" / "a.npy").is_file()
    assert json.loads((out / "in_to_in9.json").read_text()) == {"4": 0, "5": 2}


def test_sets_composed_as_published_go_out_beside_the_others(tmp_path):
    workspace = imagenet_varied(tmp_path / "w")
    rows = workspace.read("variants/mixed_rand").to_dict("records")
    put(
        workspace,
        "variants/mixed_rand_published",
        [row | {"background_group": int(row["background_group"])} for row in rows],
    )
    out = export(workspace, "imagenet9", tmp_path / "out")
    names = [
        sorted(path.name for path in (out / name).rglob("*.JPEG")) for name in ("mixed_rand", "mixed_rand_published")
    ]
    assert names[0] == names[1] and len(names[0]) == 3


# Wrong use


def test_what_is_not_made_yet_is_named(tmp_path):
    workspace = Workspace(tmp_path / "w")
    with pytest.raises(RegroundError, match=r"variants/original.*`reground variants"):
        export(workspace, "imagenet9", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_mask_without_its_original_is_named(tmp_path):
    workspace = imagenet_varied(tmp_path / "w")
    stranger = {"image_id": "stranger", "class_idx": 0, "group": 8, "width": SIDE, "height": SIDE}
    put(workspace, "foregrounds", [stranger | {"rle": encode_mask(mask(0))}])
    with pytest.raises(RegroundError, match="original' of stranger"):
        export(workspace, "imagenet9", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_one_part_is_in_memory_at_a_time(tmp_path, monkeypatch):
    workspace = imagenet_varied(tmp_path / "w")
    whole = Workspace.read

    def read(self, table, columns=None):
        assert not table.startswith(("variants/", "foregrounds")), f"{table} was read whole"
        return whole(self, table, columns)

    monkeypatch.setattr(Workspace, "read", read)
    assert export(workspace, "imagenet9", tmp_path / "out").is_dir()


def test_pictures_of_other_formats_go_out_as_jpeg():
    buffer = io.BytesIO()
    Image.fromarray(pixels(5)).save(buffer, "BMP")
    with Image.open(io.BytesIO(jpeg(buffer.getvalue()))) as image:
        assert image.format == "JPEG"
