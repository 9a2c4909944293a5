"""Composition ``published`` against the published generator, byte for byte; and beside composition ``mask``."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from reground.flows.run import Runner, run_step
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.images import load_classes
from reground.tasks.masks import MaskSettings, decode_mask
from reground.tasks.schema import PUBLISHED_VARIANTS, VARIANTS
from reground.tasks.variants.step import STEP, VariantSettings
from reground.tasks.workspace import Output, Workspace, todo
from tests.support.label_studio_world import photographs as foolbox_photographs
from tests.support.masks_world import TWO_THREADS, box, digests, index_world, quiet, row
from tests.support.needs import ROOT, need_shared
from tests.support.published_generator import Photo, as_published
from tests.support.variants_world import MIXED, copy_of, masked_world, pixels, read, small_world
from tests.support.world import World

ALONE, BOTH = VariantSettings(compose=("published",)), VariantSettings(compose=("mask", "published"))
SAMPLE = (  # dark ones among them: black inside the object is where the compositions part
    "n02814533/n02814533_beach_wagon",
    "n03017168/n03017168_chime",
    "n02101006/n02101006_Gordon_setter",
    "n02102177/n02102177_Welsh_springer_spaniel",
    "n02002724/n02002724_black_stork",
    "n02493509/n02493509_titi",
)


@pytest.fixture(scope="module")
def masked(world: World, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("masked")
    return masked_world(world, str(folder / "workspace"), folder)


@pytest.fixture(scope="module")
def both(masked: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("both")
    workspace = copy_of(masked, str(folder / "workspace"))
    run_step("variants", workspace, BOTH, TWO_THREADS, quiet(folder))
    return workspace


def assert_as_published(workspace: Workspace, boxes: Path) -> None:
    """Every picture of every variant is what the published generator makes with the same background sources."""
    images, masks = (workspace.read(name).set_index("image_id") for name in ("images", "masks"))
    photos = {i: Photo(Path(uri), boxes / f"{i}.xml") for i, uri in images.uri.items()}
    tables = {name: read(workspace, name) for name in VARIANTS}
    for image_id in tables["original"].image_id:
        background_sources = {name: photos[tables[name].background_id[image_id]] for name in MIXED}
        expected = as_published(photos[image_id], int(masks.seed[image_id]), background_sources)
        for name in VARIANTS:
            found = pixels(tables[name].image[image_id])
            np.testing.assert_array_equal(found, expected[name], err_msg=f"{name} of {image_id}")


def test_the_world_is_as_published(masked, world, workspace_url, tmp_path):
    workspace = copy_of(masked, workspace_url)
    run_step("variants", workspace, ALONE, TWO_THREADS, quiet(tmp_path))
    assert_as_published(workspace, world.boxes)


@pytest.mark.slow
def test_photographs_are_as_published(workspace_url, tmp_path):
    sample, demo = need_shared("imagenet-sample"), ROOT / "flows" / "cli" / "demo_data" / "boxes"
    photographs = {name.split("/")[1]: sample / "val" / f"{name}.JPEG" for name in SAMPLE}
    xmls = {name.split("/")[1]: sample / "Annotations" / f"{name}.xml" for name in SAMPLE}
    wnids = {row["class_idx"]: row["wnids"][0] for row in load_classes()}
    for stem, file in list(foolbox_photographs().items())[15:18]:
        class_idx = int(stem.rsplit("_", 1)[1])
        if (demo / f"{stem}.xml").exists():
            photographs[f"{wnids[class_idx]}_{stem}"], xmls[f"{wnids[class_idx]}_{stem}"] = file, demo / f"{stem}.xml"
    world = World(tmp_path / "images", tmp_path / "boxes", {}, {})
    world.boxes.mkdir()
    for stem, file in photographs.items():
        folder = world.images / stem.split("_")[0]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder / f"{stem}{file.suffix}")
        shutil.copy(xmls[stem], world.boxes / f"{stem}.xml")
    workspace = index_world(world, workspace_url, tmp_path, shard_size=2)
    run_step("masks", workspace, MaskSettings(), TWO_THREADS, quiet(tmp_path))
    run_step("variants", workspace, ALONE, TWO_THREADS, quiet(tmp_path))
    assert len(read(workspace, "original")) >= 7
    assert_as_published(workspace, world.boxes)
    chime = workspace.read("foregrounds").set_index("image_id").loc["n03017168_chime"]
    black = (pixels(read(workspace, "original").image["n03017168_chime"]) == 0).all(-1)
    assert (black & decode_mask(chime.rle, chime.height, chime.width)).any()


def test_both_are_what_each_is_alone(both, masked, tmp_path):
    for settings, names in (
        (VariantSettings(), {name: name for name in VARIANTS}),
        (ALONE, {name: name.removesuffix("_published") for name in PUBLISHED_VARIANTS}),
    ):
        alone = copy_of(masked, str(tmp_path / settings.compose[0]))
        run_step("variants", alone, settings, TWO_THREADS, quiet(tmp_path))
        assert f"variants/{PUBLISHED_VARIANTS[0]}" not in alone.tables()
        assert alone.read("composition_differences").empty
        for beside, name in names.items():
            assert read(both, beside).equals(read(alone, name)), beside
        assert both.read("foregrounds").equals(alone.read("foregrounds"))


def test_composition_differences_say_how_far_the_two_differ(both):
    found = both.read("composition_differences").set_index(["variant", "image_id"])
    assert set(found.index.get_level_values("variant")) == {
        name.removesuffix("_published") for name in PUBLISHED_VARIANTS
    }
    tables = {name: read(both, name) for name in (*VARIANTS, *PUBLISHED_VARIANTS)}
    for (variant, image_id), line in found.iterrows():
        by_mask, published = (tables[name].loc[image_id] for name in (variant, f"{variant}_published"))
        share = (pixels(by_mask.image) != pixels(published.image)).any(-1).mean()
        assert line.differing_share == np.float32(share)
        # A background they share cannot differ, and nothing in the world is black: only the background source differs.
        assert line.same_background == (share == 0)
        if not line.same_background:
            assert published.background_id == image_id
    # Among six of a group, one in six draws itself; mixed_next never can.
    assert 0 < (~found.same_background).sum() < len(found) / 6
    assert found.loc["mixed_next"].same_background.all()


def test_same_bytes_in_threads_and_processes(both, masked, workspace_url, tmp_path):
    other = copy_of(masked, workspace_url)
    run_step("variants", other, BOTH, Runner("processes", 2), quiet(tmp_path))
    tables = [f"variants/{name}" for name in (*VARIANTS, *PUBLISHED_VARIANTS)]
    assert digests(other, *tables, "foregrounds", "composition_differences") == digests(
        both, *tables, "foregrounds", "composition_differences"
    )


def test_black_in_the_object_shows_the_background(workspace_url, tmp_path):
    white = np.full((100, 120, 3), 255, np.uint8)
    black = white.copy()
    black[40:60, 40:60] = 0
    black[50:60, 40:60, 2] = 1  # nearly black is not black
    corners = box(40, 40, 60, 60)
    workspace = Workspace(workspace_url)
    images = [row(tmp_path / "a.png", black, corners), row(tmp_path / "b.png", white, corners)]
    settings = small_world(workspace, tmp_path, images, method="grabcut", compose=BOTH.compose)
    run_step("variants", workspace, settings, TWO_THREADS, quiet(tmp_path))
    original, published = (pixels(read(workspace, name).image["a"]) for name in ("original", "mixed_same_published"))
    foreground = (original < 255).any(-1)
    hole = (original == 0).all(-1)
    assert 0 < hole.sum() < foreground.sum()
    background_id = read(workspace, "mixed_same_published").background_id["a"]
    np.testing.assert_array_equal(published[~hole], original[~hole])
    assert (published[hole] == 255).all() or background_id == "a"
    np.testing.assert_array_equal(pixels(read(workspace, "mixed_same").image["a"]), original)
    (share,) = (
        workspace.read("composition_differences").query("variant == 'mixed_same' and image_id == 'a'").differing_share
    )
    assert share == np.float32(hole.mean())


def test_a_quarantined_mask_is_pasted_as_published_only(masked, workspace_url, tmp_path):
    workspace = copy_of(masked, workspace_url)
    first = workspace.entries("masks")[0]
    rows = workspace.read_part(first.tables["masks"].path).to_pylist()
    low = rows[0]["image_id"]
    rows[0]["quarantine"] = "quality 0.10: it is a blot"
    workspace.commit("masks", first.shard, "other", Output({"masks": rows, "dropped": []}))
    run_step("variants", workspace, BOTH, TWO_THREADS, quiet(tmp_path))
    for name in VARIANTS:
        assert low not in set(read(workspace, name).image_id)
        assert low not in set(read(workspace, name).background_id)
    for name in PUBLISHED_VARIANTS:
        assert low in set(read(workspace, name).image_id)
    assert low not in set(workspace.read("foregrounds").image_id) | set(
        workspace.read("composition_differences").image_id
    )
    (error,) = workspace.read("dropped").query("stage == 'variants' and item == @low").itertuples()
    assert (error.reason, error.detail) == ("mask_quarantined", "quality 0.10: it is a blot")


def test_a_group_with_one_image_is_pasted_onto_itself_and_said(workspace_url, tmp_path, caplog):
    workspace = Workspace(workspace_url)
    images = [row(tmp_path / "alone.png", np.full((100, 120, 3), 9, np.uint8), box(40, 40, 60, 60))]
    settings = small_world(workspace, tmp_path, images, method="grabcut", compose=BOTH.compose)
    run_step("variants", workspace, settings, TWO_THREADS, quiet(tmp_path))
    assert "group 'dog' has one usable image: mixed_same as published pastes it onto itself" in caplog.messages
    assert read(workspace, "mixed_same").empty
    assert list(read(workspace, "mixed_same_published").background_id) == ["alone"]
    dropped = workspace.read("dropped")
    assert set(dropped.detail) == {
        "mixed_same: its group 'dog' has one usable image",
        "mixed_rand: no group has another usable image",
        "mixed_next: no other group has a usable image",
        "published: mixed_next: no other group has a usable image",
    }


def test_an_image_with_several_boxes_has_the_box_of_its_mask(workspace_url, tmp_path):
    grey = np.random.default_rng(0).integers(60, 90, (256, 256, 3)).astype(np.uint8)
    corners = box(100, 100, 140, 140)
    workspace = Workspace(workspace_url)
    images = [
        row(tmp_path / "one.png", grey, corners),
        row(tmp_path / "several.png", grey, box(100, 100, 120, 140), box(110, 100, 140, 140)),
        row(tmp_path / "none.png", grey),
    ]
    boxes = {"several": corners, "none": box(90, 90, 150, 150)}
    settings = small_world(workspace, tmp_path, images, method="grabcut", boxes=boxes, compose=BOTH.compose)
    run_step("variants", workspace, settings, TWO_THREADS, quiet(tmp_path))
    # The crop of a 256 x 256 image starts at 16.
    for image_id, drawn in ({"one": corners} | boxes).items():
        black = (pixels(read(workspace, "only_bg_b").image[image_id]) == 0).all(-1)
        expected = np.zeros_like(black)
        expected[drawn["ymin"] - 16 : drawn["ymax"] - 15, drawn["xmin"] - 16 : drawn["xmax"] - 15] = True
        np.testing.assert_array_equal(black, expected)
    assert list(read(workspace, "only_bg_t_published").image_id) == ["one"]
    assert set(read(workspace, "mixed_same_published").background_id) == {"one"}
    dropped = workspace.read("dropped")
    assert {"several": "several_boxes", "none": "no_box"}.items() <= dict(zip(dropped.item, dropped.reason)).items()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "supplied:masks"}, "found masks made by supplied:masks"),
        ({"method": "grabcut:3"}, "found masks made by grabcut:3"),
        ({"area_ratio": 0.05}, "found masks of less than 10% of their box"),
    ],
)
@pytest.mark.parametrize("settings", [ALONE, BOTH])
def test_published_takes_published_masks_only(masked, workspace_url, settings, change, message):
    workspace = copy_of(masked, workspace_url)
    first = workspace.entries("masks")[0]
    rows = workspace.read_part(first.tables["masks"].path).to_pylist()
    workspace.commit("masks", first.shard, "other", Output({"masks": [rows[0] | change, *rows[1:]], "dropped": []}))
    with pytest.raises(RegroundError, match=f"{message}: run `reground masks .* --method grabcut --iterations 5`"):
        todo(STEP, workspace, settings)
    assert todo(STEP, workspace, VariantSettings()).missing


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (VariantSettings(compose=()), "variants.compose: expected one of: mask, published, or both; got none"),
        (
            VariantSettings(compose=("mask", "blend")),
            "variants.compose: expected some of: mask, published, got 'blend'",
        ),
        (
            VariantSettings(compose=("published",), fill="inpaint"),
            "variants.fill: expected 'tile', as published, .* got 'inpaint'",
        ),
        (VariantSettings(compose=("published",), feather=2), "variants.feather: expected 0, as published, .* got 2"),
        (VariantSettings(fill="blur"), "variants.fill: expected one of: tile, inpaint, got 'blur'"),
        (VariantSettings(feather=-1), "variants.feather: expected a number, at least 0, got -1"),
    ],
)
def test_settings_that_cannot_be(masked, settings, message):
    with pytest.raises(UsageError, match=message):
        todo(STEP, masked, settings)
