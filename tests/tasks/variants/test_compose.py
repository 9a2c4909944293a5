"""Composition ``mask``: the table ``foregrounds``, faded edges, inpainted backgrounds, what the groups cover."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reground.flows.run import Runner, run_step
from reground.tasks.masks import decode_mask
from reground.tasks.schema import VARIANTS
from reground.tasks.variants.step import VariantSettings, coverage
from reground.tasks.workspace import Workspace
from tests.support.masks_world import TWO_THREADS, box, digests, quiet, row
from tests.support.variants_world import MIXED, copy_of, masked_world, pixels, read, small_world
from tests.support.world import World


@pytest.fixture(scope="module")
def masked(world: World, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("masked")
    return masked_world(world, str(folder / "workspace"), folder)


def varied(masked: Workspace, folder: Path, settings: VariantSettings) -> Workspace:
    workspace = copy_of(masked, str(folder / "workspace"))
    run_step("variants", workspace, settings, TWO_THREADS, quiet(folder))
    return workspace


@pytest.fixture(scope="module")
def plain(masked: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return varied(masked, tmp_path_factory.mktemp("plain"), VariantSettings())


@pytest.fixture(scope="module")
def inpainted(masked: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return varied(masked, tmp_path_factory.mktemp("inpainted"), VariantSettings(fill="inpaint"))


def masks_of(workspace: Workspace) -> dict[str, np.ndarray]:
    rows = workspace.read("foregrounds").itertuples()
    return {row.image_id: decode_mask(row.rle, row.height, row.width) for row in rows}


def of_all(workspace: Workspace, *names: str) -> dict[str, pd.DataFrame]:
    return {name: read(workspace, name) for name in names}


@pytest.mark.parametrize("fill", ["plain", "inpainted"])
def test_mixed_is_a_foreground_on_an_only_bg_t(fill, request):
    """What the adversarial search composes on its device is what the variants are."""
    workspace = request.getfixturevalue(fill)
    tables, masks = of_all(workspace, "original", "only_bg_t", *MIXED), masks_of(workspace)
    assert set(masks) == set(tables["original"].image_id)
    for name in MIXED:
        for found in tables[name].itertuples():
            original = pixels(tables["original"].image[found.image_id]).astype(np.int64)
            behind = pixels(tables["only_bg_t"].image[found.background_id]).astype(np.int64)
            mask = masks[found.image_id][..., None].astype(np.int64)
            np.testing.assert_array_equal(pixels(found.image), behind * (1 - mask) + original * mask)


def test_foregrounds_carry_class_group_and_size(plain):
    foregrounds, originals = plain.read("foregrounds").set_index("image_id", drop=False), read(plain, "original")
    columns = ["image_id", "class_idx", "group"]
    pd.testing.assert_frame_equal(foregrounds[columns], originals[columns])
    assert set(foregrounds.width) == set(foregrounds.height) == {224}


def test_a_faded_edge_changes_the_rim_of_mixed_ones_alone(plain, masked, tmp_path):
    faded, masks = varied(masked, tmp_path, VariantSettings(feather=4)), masks_of(plain)
    same = [name for name in VARIANTS if name not in MIXED]
    hard, soft = of_all(plain, *VARIANTS), of_all(faded, *VARIANTS)
    for name in same:
        assert hard[name].equals(soft[name])
    for name in MIXED:
        assert (hard[name].background_id == soft[name].background_id).all()
        for image_id, image in hard[name].image.items():
            before, after = pixels(image).astype(int), pixels(soft[name].image[image_id]).astype(int)
            behind = pixels(hard["only_bg_t"].image[hard[name].background_id[image_id]]).astype(int)
            changed = (before != after).any(-1)
            assert 0 < changed.sum() < 0.1 * changed.size
            assert not changed[~masks[image_id]].any()
            low, high = np.minimum(before, behind), np.maximum(before, behind)
            assert ((low <= after) & (after <= high)).all()


def test_inpainting_fills_the_box_and_nothing_else(plain, inpainted):
    tiles, patches = of_all(plain, *VARIANTS), of_all(inpainted, *VARIANTS)
    for name in ("original", "only_bg_b", "no_fg", "only_fg"):
        assert tiles[name].equals(patches[name])
    for image_id, image in patches["only_bg_t"].image.items():
        tiled, filled = pixels(tiles["only_bg_t"].image[image_id]), pixels(image)
        boxed = (pixels(tiles["only_bg_b"].image[image_id]) == 0).all(-1)
        np.testing.assert_array_equal(tiled[~boxed], filled[~boxed])
        assert (tiled[boxed] != filled[boxed]).any()
        # The world's backgrounds are noise of one colour: so is what takes the ellipse's place.
        assert np.abs(filled[boxed].mean(0) - filled[~boxed].mean(0)).max() < 6


def test_inpainted_alike_in_threads_and_processes(masked, tmp_path):
    first = masked.entries("masks")[0].shard
    made = []
    for runner in (Runner("threads", 1), Runner("processes", 2)):
        workspace = copy_of(masked, str(tmp_path / runner.kind))
        workspace.retire("masks", {first})
        run_step("variants", workspace, VariantSettings(fill="inpaint"), runner, quiet(tmp_path))
        made.append(digests(workspace, *(f"variants/{name}" for name in VARIANTS), "foregrounds"))
    assert made[0] == made[1]


@pytest.mark.parametrize(("height", "width"), [(100, 120), (60, 900), (900, 60)])
def test_inpainting_takes_any_shape(workspace_url, tmp_path, height, width):
    grey = np.random.default_rng(0).integers(60, 90, (height, width, 3)).astype(np.uint8)
    top, left = height // 2 - 10, width // 2 - 10
    grey[top : top + 20, left : left + 20] = (255, 0, 0)
    corners = box(left, top, left + 20, top + 20)
    workspace = Workspace(workspace_url)
    settings = small_world(
        workspace, tmp_path, [row(tmp_path / f"{name}.png", grey, corners) for name in "ab"], fill="inpaint"
    )
    run_step("variants", workspace, settings, TWO_THREADS, quiet(tmp_path))
    for image in read(workspace, "only_bg_t").image:
        assert pixels(image)[..., 0].max() < 90


def test_a_strip_that_vanishes_in_resizing_is_tiled(workspace_url, tmp_path):
    thin = np.full((3000, 3000, 3), 200, np.uint8)
    thin[1:, :] = 90
    corners = box(0, 1, 3000, 3000)
    workspace = Workspace(workspace_url)
    settings = small_world(
        workspace, tmp_path, [row(tmp_path / f"{name}.png", thin, corners) for name in "ab"], fill="inpaint"
    )
    run_step("variants", workspace, settings, TWO_THREADS, quiet(tmp_path))
    for image in read(workspace, "only_bg_t").image:
        assert (pixels(image) == 200).all()


def test_what_the_groups_cover_is_said(masked, tmp_path, caplog):
    caplog.set_level(logging.INFO, "reground.tasks.variants.step")
    workspace = varied(masked, tmp_path, VariantSettings())
    assert str(coverage(workspace, VariantSettings())) == "370 classes in a group, 630 in none"
    assert "groups 'imagenet9': 370 classes in a group, 630 in none" in caplog.messages
    assert not coverage(workspace, VariantSettings(groups="superclasses")).missing


def test_a_map_that_names_more_than_there_is_warns(workspace_url, tmp_path, caplog):
    workspace, grey = Workspace(workspace_url), np.full((100, 120, 3), 90, np.uint8)
    small_world(workspace, tmp_path, [row(tmp_path / "a.png", grey, box(40, 40, 60, 60))])
    run_step("variants", workspace, VariantSettings(), TWO_THREADS, quiet(tmp_path))
    (said,) = caplog.messages
    assert said.startswith("groups 'imagenet9': ")
    assert said.endswith(" in the map only")
