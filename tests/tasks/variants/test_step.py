"""The step ``variants``: every pixel where it belongs, every background known, same bytes anywhere."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from torchvision import transforms

from reground.flows.run import Runner, run_step
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.schema import VARIANTS
from reground.tasks.variants import backgrounds
from reground.tasks.variants.step import STEP, VariantSettings
from reground.tasks.workspace import Workspace, todo
from tests.support.masks_world import TWO_THREADS, box, digests, quiet, row
from tests.support.memory import SHORTAGES
from tests.support.variants_world import MIXED, copy_of, masked_world, pixels, read, small_world
from tests.support.world import CLASSES, World

TABLES = [f"variants/{name}" for name in VARIANTS]
NEAREST = transforms.InterpolationMode.NEAREST


@pytest.fixture(scope="module")
def made(world: World, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("varied")
    workspace = masked_world(world, str(folder / "workspace"), folder)
    run_step("variants", workspace, VariantSettings(), TWO_THREADS, quiet(folder))
    return workspace


@pytest.fixture(scope="module")
def tables(made) -> dict[str, pd.DataFrame]:
    return {name: read(made, name) for name in VARIANTS}


def in_groups(world: World) -> dict[str, int]:
    """image_id -> group, of the images in one."""
    groups = {image_id: CLASSES[class_idx][1] for image_id, class_idx in world.labels.items()}
    return {image_id: group for image_id, group in groups.items() if group >= 0}


def test_all_eight_hold_the_same_images(tables, world):
    for table in tables.values():
        assert dict(zip(table.image_id, table.group)) == in_groups(world)
        assert dict(zip(table.image_id, table.class_idx)) == {i: world.labels[i] for i in in_groups(world)}


def test_a_class_in_no_group_is_dropped_by_name(made, world):
    dropped = made.read("dropped")
    assert set(dropped.item) == set(world.labels) - set(in_groups(world))
    assert set(zip(dropped.stage, dropped.reason)) == {("variants", "no_group")}


def test_only_mixed_variants_have_another_background(tables, world):
    group_of = in_groups(world)
    for name in set(VARIANTS) - set(MIXED):
        assert tables[name].background_id.isna().all()
        assert tables[name].background_group.isna().all()
        assert [image["path"] for image in tables[name].image] == [f"{i}.png" for i in tables[name].image_id]
    for name in MIXED:
        for found in tables[name].itertuples():
            assert found.background_group == group_of[found.background_id]
            assert found.background_id != found.image_id
            assert found.image["path"] == f"fg_{found.image_id}_bg_{found.background_id}.png"
    assert (tables["mixed_same"].background_group == tables["mixed_same"].group).all()
    # Groups 0, 1 and 2 have images: the next after 2, past six empty ones, is 0.
    assert (tables["mixed_next"].background_group == (tables["mixed_next"].group + 1) % 3).all()


def test_the_original_is_the_photograph_as_published(tables, made):
    images = made.read("images").set_index("image_id")
    transform = transforms.Compose([transforms.Resize(256, NEAREST), transforms.CenterCrop(224)])
    for image_id, image in tables["original"].image.items():
        with Image.open(images.uri[image_id]) as opened:
            np.testing.assert_array_equal(pixels(image), np.asarray(transform(opened.convert("RGB"))))


def test_variants_fit_together_pixel_by_pixel(tables):
    for image_id, image in tables["original"].image.items():
        original = pixels(image)
        got = {name: pixels(tables[name].image[image_id]) for name in VARIANTS}
        assert {array.shape for array in got.values()} == {(224, 224, 3)}
        np.testing.assert_array_equal(got["only_fg"] + got["no_fg"], original)
        foreground = (got["no_fg"] == 0).all(-1)  # nothing in the world is black
        assert 0.05 < foreground.mean() < 0.5
        outside = (got["only_bg_b"] > 0).any(-1)
        np.testing.assert_array_equal(got["only_bg_b"][outside], original[outside])
        np.testing.assert_array_equal(got["only_bg_t"][outside], original[outside])
        assert not foreground[outside].any()
        for name in MIXED:
            background = pixels(tables["only_bg_t"].image[tables[name].background_id[image_id]])
            np.testing.assert_array_equal(got[name], np.where(foreground[..., None], original, background))


def test_same_bytes_in_threads_and_processes(made, workspace_url, tmp_path):
    # The same photographs, indexed and masked alike, varied in two processes.
    other = copy_of(made, workspace_url)
    run_step("variants", other, VariantSettings(), Runner("processes", 2), quiet(tmp_path))
    assert digests(other, *TABLES, "groups", "dropped") == digests(made, *TABLES, "groups", "dropped")


def test_a_line_in_the_groups_makes_anew_what_it_changes(made, workspace_url, tmp_path):
    workspace, groups = copy_of(made, workspace_url), tmp_path / "groups.json"
    groups.write_text(json.dumps({"dog": [151, 207], "bird": [8, 22]}))
    settings = VariantSettings(groups=str(groups))
    run_step("variants", workspace, settings, TWO_THREADS, quiet(tmp_path))
    assert not todo(STEP, workspace, settings).missing
    assert len(workspace.read("groups")) == 4
    assert set(read(workspace, "mixed_next").background_group) == {0, 1}

    groups.write_text(json.dumps({"dog": [151, 207], "bird": [8]}))
    assert "groups" in {shard.id for shard in todo(STEP, workspace, settings).missing}
    run_step("variants", workspace, settings, TWO_THREADS, quiet(tmp_path))
    assert len(workspace.read("groups")) == 3
    at_once = copy_of(made, str(tmp_path / "at_once"))
    run_step("variants", at_once, settings, TWO_THREADS, quiet(tmp_path))
    assert digests(workspace, *TABLES, "groups", "dropped") == digests(at_once, *TABLES, "groups", "dropped")


def test_an_only_image_has_no_mixed_variants_and_says_so(workspace_url, tmp_path):
    workspace = Workspace(workspace_url)
    images = [
        row(tmp_path / "alone.png", np.full((100, 120, 3), 9, np.uint8), box(40, 40, 60, 60)),
        row(tmp_path / "full.png", np.full((100, 120, 3), 9, np.uint8), box(0, 0, 120, 100)),
    ]
    settings = small_world(workspace, tmp_path, images)
    run_step("variants", workspace, settings, TWO_THREADS, quiet(tmp_path))
    assert {name: len(read(workspace, name)) for name in VARIANTS} == {
        name: int(name not in MIXED) for name in VARIANTS
    }
    dropped = workspace.read("dropped")
    assert set(dropped.reason) == {"no_background"}
    assert list(dropped.item) == ["alone"] * 3 + ["full"]
    assert "mixed_same: its group 'dog' has one usable image" in set(dropped.detail)


def test_black_foreground_is_no_hole(workspace_url, tmp_path):
    workspace, white = Workspace(workspace_url), np.full((100, 120, 3), 255, np.uint8)
    black = white.copy()
    black[40:60, 40:60] = 0
    corners = box(40, 40, 60, 60)
    settings = small_world(
        workspace, tmp_path, [row(tmp_path / "a.png", black, corners), row(tmp_path / "b.png", white, corners)]
    )
    run_step("variants", workspace, settings, TWO_THREADS, quiet(tmp_path))
    np.testing.assert_array_equal(
        pixels(read(workspace, "mixed_same").image["a"]), pixels(read(workspace, "original").image["a"])
    )


def test_another_size_shows_the_same_share(made, workspace_url, tmp_path):
    workspace = copy_of(made, workspace_url)
    run_step("variants", workspace, VariantSettings(size=112), TWO_THREADS, quiet(tmp_path))
    transform = transforms.Compose([transforms.Resize(128, NEAREST), transforms.CenterCrop(112)])
    uris = made.read("images").set_index("image_id").uri
    for image_id, image in read(workspace, "original").image.items():
        with Image.open(uris[image_id]) as opened:
            np.testing.assert_array_equal(pixels(image), np.asarray(transform(opened.convert("RGB"))))


def test_masks_of_images_no_longer_indexed_stop_the_step(made, workspace_url, tmp_path):
    workspace = copy_of(made, workspace_url)
    first = workspace.entries("index")[0].shard
    workspace.retire("index", {entry.shard for entry in workspace.entries("index")} - {first})
    with pytest.raises(RegroundError, match=r"masks are of images that are not indexed .*run `reground masks` again"):
        run_step("variants", workspace, VariantSettings(), Runner("threads", 1), quiet(tmp_path))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (VariantSettings(compose=("blend",)), "variants.compose: expected some of: mask, published, got 'blend'"),
        (VariantSettings(size=0), "variants.size: expected a whole number, at least 1, got 0"),
        (VariantSettings(size=60_000), "variants.size: expected at most 4,096 pixels, got 60,000"),
        (VariantSettings(groups="nowhere.json"), "unknown groups 'nowhere.json'"),
    ],
)
def test_settings_that_cannot_be(made, settings, message):
    with pytest.raises(UsageError, match=message):
        todo(STEP, made, settings)


def test_variants_need_masks(workspace_url):
    with pytest.raises(RegroundError, match="run `reground masks"):
        todo(STEP, Workspace(workspace_url), VariantSettings())


@pytest.mark.parametrize("shortage", SHORTAGES)
def test_memory_for_one_photograph_costs_its_own_rows(workspace_url, tmp_path, monkeypatch, shortage):
    workspace = Workspace(workspace_url)
    scene = np.random.default_rng(0).integers(90, 110, (300, 300, 3)).astype(np.uint8)
    images = [row(tmp_path / f"{name}.png", scene + number, box(40, 40, 60, 60)) for number, name in enumerate("abc")]
    settings = small_world(workspace, tmp_path, images, fill="inpaint")
    whole = backgrounds.inpaint

    def inpaint(pixels, *arguments):
        if pixels.min() == 91:  # of b
            raise shortage()
        return whole(pixels, *arguments)

    monkeypatch.setattr(backgrounds, "inpaint", inpaint)
    run_step("variants", workspace, settings, TWO_THREADS, quiet(tmp_path))
    dropped = workspace.read("dropped")
    dropped = dropped[dropped["reason"] == "too_large"]
    assert "b" in set(dropped["item"]) and all("b.png does not fit" in detail for detail in dropped["detail"])
    for name in VARIANTS:
        ids = set(workspace.read(f"variants/{name}")["image_id"])
        assert "b" not in ids and (ids == {"a", "c"} or name in MIXED)
