"""The step ``masks``: good masks of the miniature world, a reason for each image without one."""

from __future__ import annotations

import hashlib
import re

import cv2
import numpy as np
import pytest
from PIL import Image

from reground.flows.run import Runner, run_step
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.kernels import grabcut
from reground.tasks.masks.rle import decode_mask
from reground.tasks.masks.step import STEP, MaskSettings
from reground.tasks.workspace import Workspace, todo
from tests.support.masks_world import TWO_THREADS, box, commit_images, digests, index_world, quiet, row
from tests.support.memory import SHORTAGES
from tests.support.world import World


@pytest.fixture(scope="module")
def masked(world: World, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("masked")
    workspace = index_world(world, str(folder / "workspace"), folder)
    run_step("masks", workspace, MaskSettings(), TWO_THREADS, quiet(folder))
    return workspace


def test_masks_of_the_world_are_right(masked, world):
    masks = masked.read("masks")
    assert set(masks.image_id) == set(world.masks)
    for found in masks.itertuples():
        mask, true = decode_mask(found.rle, found.height, found.width), world.masks[found.image_id]
        assert (mask & true).sum() / (mask | true).sum() > 0.95, found.image_id
        # An ellipse fills pi/4 of its box.
        assert found.area_ratio == pytest.approx(np.pi / 4, abs=0.03)
        assert found.quality > 0.9
        assert found.method == "grabcut"
    assert masks.seed.is_unique
    assert masked.read("dropped").empty


def test_same_bytes_in_threads_and_processes(masked, world, workspace_url, tmp_path):
    workspace = index_world(world, workspace_url, tmp_path)
    run_step("masks", workspace, MaskSettings(), Runner("processes", 2), quiet(tmp_path))
    assert digests(workspace, "masks", "dropped") == digests(masked, "masks", "dropped")


def test_a_mask_does_not_depend_on_shards_or_threads(masked, world, workspace_url, tmp_path):
    workspace = index_world(world, workspace_url, tmp_path, shard_size=21)
    run_step("masks", workspace, MaskSettings(), Runner("threads", 1), quiet(tmp_path))
    assert workspace.read("masks").equals(masked.read("masks"))


def test_every_image_without_a_mask_has_a_reason(workspace_url, tmp_path):
    rng = np.random.default_rng(0)
    flat = rng.integers(90, 110, (200, 300, 3)).astype(np.uint8)
    speck = flat.copy()
    speck[98:102, 148:152] = 255
    rows = [
        row(tmp_path / "no_box.png", flat),
        row(tmp_path / "several_boxes.png", flat, box(10, 10, 50, 50), box(60, 60, 90, 90)),
        row(tmp_path / "box_too_large.png", flat, box(10, 0, 300, 200)),
        row(tmp_path / "box_outside_crop.png", flat, box(0, 50, 60, 150)),
        row(tmp_path / "mask_failed.png", flat, box(150, 120, 150, 150)),
        row(tmp_path / "mask_too_small.png", speck, box(100, 60, 200, 140)),
    ]
    workspace = Workspace(workspace_url)
    commit_images(workspace, rows)
    run_step("masks", workspace, MaskSettings(), TWO_THREADS, quiet(tmp_path))
    dropped = workspace.read("dropped")
    assert workspace.read("masks").empty
    assert dict(zip(dropped.item, dropped.reason)) == {row["image_id"]: row["image_id"] for row in rows}
    assert set(dropped.stage) == {"masks"}
    assert dropped.detail.str.len().min() > 0


def test_a_box_outside_the_image_gets_no_mask(workspace_url, tmp_path):
    pixels = np.zeros((200, 300, 3), np.uint8)
    boxes = [box(400, 300, 500, 400), box(100, 50, 350, 150), box(-40, 50, 120, 150), box(120, 90, 100, 100)]
    workspace = Workspace(workspace_url)
    commit_images(workspace, [row(tmp_path / f"{number}.png", pixels, one) for number, one in enumerate(boxes)])
    run_step("masks", workspace, MaskSettings(), TWO_THREADS, quiet(tmp_path))
    assert workspace.read("masks").empty
    reasons = workspace.read("dropped").reason
    assert len(reasons) == len(boxes)
    assert set(reasons) == {"box_outside_crop", "mask_failed"}


def test_a_mask_of_low_quality_is_kept_and_said(workspace_url, tmp_path):
    # A bright disc in one end of a box that is far from tight.
    y, x = np.mgrid[:200, :300]
    disc = (y - 90) ** 2 + (x - 90) ** 2 < 25**2
    pixels = np.where(disc[..., None], 230, 40) + np.random.default_rng(0).integers(0, 15, (200, 300, 3))
    rows = [
        row(tmp_path / "loose.png", pixels.astype(np.uint8), box(60, 60, 190, 145)),
        row(tmp_path / "tight.png", pixels.astype(np.uint8), box(65, 65, 116, 116)),
    ]
    workspace = Workspace(workspace_url)
    commit_images(workspace, rows)
    run_step("masks", workspace, MaskSettings(), TWO_THREADS, quiet(tmp_path))
    masks = workspace.read("masks").set_index("image_id")
    assert list(masks.index[masks.quarantine.notna()]) == ["loose"] and masks.quality["tight"] > 0.9
    assert re.fullmatch(
        r"quality 0\.\d\d, below 0\.3: its largest piece stops short of the box \(reach 0\.2\d\)",
        masks.quarantine["loose"],
    )
    (dropped,) = workspace.read("dropped").to_dict("records")
    reason = {"stage": "masks", "item": "loose", "reason": "mask_quarantined", "detail": masks.quarantine["loose"]}
    assert dropped == reason
    run_step("masks", workspace, MaskSettings(min_quality=0.0), TWO_THREADS, quiet(tmp_path))
    assert workspace.read("masks").quarantine.isna().all() and workspace.read("dropped").empty


def test_another_number_of_iterations_is_another_method(workspace_url, tmp_path):
    pixels = np.full((200, 300, 3), 40, np.uint8)
    pixels[70:130, 110:190] = 220
    workspace = Workspace(workspace_url)
    commit_images(workspace, [row(tmp_path / "a.png", pixels, box(105, 65, 195, 135))])
    for iterations, label in ((5, "grabcut"), (2, "grabcut:2")):
        run_step("masks", workspace, MaskSettings(iterations=iterations), TWO_THREADS, quiet(tmp_path))
        assert list(workspace.read("masks").method) == [label]


@pytest.mark.parametrize(("xmin", "dropped"), [(20, True), (21, False)])
def test_the_rule_of_nine_tenths_is_exact(workspace_url, tmp_path, xmin, dropped):
    # 256 x 256: the crop shows columns 16 to 239. A box from 20 shows 220 x 206 = 90.3 % of it,
    # from 21, 219 x 206 = 89.9 %.
    pixels = np.random.default_rng(0).integers(0, 40, (256, 256, 3)).astype(np.uint8)
    pixels[40:230, 40:230] += 180
    workspace = Workspace(workspace_url)
    commit_images(workspace, [row(tmp_path / "a.png", pixels, box(xmin, 34, 256, 256))])
    run_step("masks", workspace, MaskSettings(), TWO_THREADS, quiet(tmp_path))
    assert (list(workspace.read("dropped").reason) == ["box_too_large"]) == dropped
    assert workspace.read("masks").empty == dropped


def test_another_photograph_of_the_same_size_stops_the_step(workspace_url, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (200, 300, 3)).astype(np.uint8)
    indexed = row(tmp_path / "a.png", pixels, box(100, 50, 200, 150))
    indexed["sha256"] = hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    workspace = Workspace(workspace_url)
    commit_images(workspace, [indexed])
    Image.fromarray(pixels[::-1]).save(tmp_path / "a.png")
    with pytest.raises(RegroundError, match=r"expected .*a\.png as it was indexed, but its content has changed"):
        run_step("masks", workspace, MaskSettings(), Runner("threads", 1), quiet(tmp_path))
    Image.fromarray(pixels).save(tmp_path / "a.png")
    run_step("masks", workspace, MaskSettings(min_area=0), Runner("threads", 1), quiet(tmp_path))


def test_a_photograph_that_changed_since_indexing_stops_the_step(workspace_url, tmp_path):
    pixels = np.zeros((200, 300, 3), np.uint8)
    changed = row(tmp_path / "a.png", pixels, box(100, 50, 200, 150))
    Image.fromarray(pixels[:, :250]).save(tmp_path / "a.png")
    workspace = Workspace(workspace_url)
    commit_images(workspace, [changed])
    with pytest.raises(RegroundError, match=r"expected 300 x 200 pixels .* found 250 x 200: run `reground index`"):
        run_step("masks", workspace, MaskSettings(), Runner("threads", 1), quiet(tmp_path))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            MaskSettings(method="magic"),
            "unknown mask method 'magic': expected one of: consensus, grabcut, onnx:FILE, supplied:DIR",
        ),
        (MaskSettings(iterations=0), "masks.iterations: expected a whole number, at least 1, got 0"),
        (MaskSettings(method="supplied"), "unknown mask method 'supplied': .* supplied:DIR"),
        (MaskSettings(method="grabcut:x"), "unknown mask method 'grabcut:x'"),
        (MaskSettings(method="onnx:"), "unknown mask method 'onnx:'"),
        (MaskSettings(min_area=1.5), "masks.min_area: expected a number from 0 to 1, got 1.5"),
        (MaskSettings(min_quality=-0.1), "masks.min_quality: expected a number from 0 to 1, got -0.1"),
    ],
)
def test_settings_that_cannot_be(masked, settings, message):
    with pytest.raises(UsageError, match=message):
        todo(STEP, masked, settings)


def test_masks_need_an_index(workspace_url):
    with pytest.raises(RegroundError, match="run `reground index"):
        todo(STEP, Workspace(workspace_url), MaskSettings())


@pytest.mark.parametrize("method", ["grabcut", "consensus"])
@pytest.mark.parametrize("place", ["grabCut", "connectedComponentsWithStats", "distanceTransform"])
@pytest.mark.parametrize("shortage", SHORTAGES)
def test_memory_that_opencv_does_not_get_costs_one_row(workspace_url, tmp_path, monkeypatch, method, place, shortage):
    workspace = Workspace(workspace_url)
    pixels = np.random.default_rng(0).integers(90, 110, (200, 300, 3)).astype(np.uint8)
    pixels[70:130, 110:190] = 255
    commit_images(workspace, [row(tmp_path / f"{name}.png", pixels, box(100, 60, 200, 140)) for name in ("a", "b")])
    whole, calls = getattr(cv2, place), iter(range(1000))

    def once(*arguments, **options):
        if next(calls) == 0:
            raise shortage()
        return whole(*arguments, **options)

    monkeypatch.setattr(cv2, place, once)
    run_step("masks", workspace, MaskSettings(method=method), Runner("threads", 1), quiet(tmp_path))
    (drop,) = workspace.read("dropped").to_dict("records")
    assert drop["reason"] == "too_large" and f"{drop['item']}.png does not fit into the memory" in drop["detail"]
    assert workspace.read("masks")["image_id"].tolist() == ["b" if drop["item"] == "a" else "a"]


def test_a_photograph_without_memory_or_bounds_costs_its_own_row(workspace_url, tmp_path, monkeypatch):
    flat = np.random.default_rng(0).integers(90, 110, (200, 300, 3)).astype(np.uint8)
    wide = np.zeros((1, 60_000, 3), np.uint8)
    speck = flat.copy()
    speck[70:130, 110:190] = 255
    rows = [
        row(tmp_path / "full.png", flat, box(100, 60, 200, 140)),
        row(tmp_path / "good.png", speck, box(100, 60, 200, 140)),
        row(tmp_path / "wide.png", wide, box(100, 0, 200, 1)),
    ]
    workspace = Workspace(workspace_url)
    commit_images(workspace, rows)
    whole = grabcut.grabcut

    def segment(pixels, *arguments):
        if pixels.max() < 255:
            raise MemoryError
        return whole(pixels, *arguments)

    monkeypatch.setattr(grabcut, "grabcut", segment)
    run_step("masks", workspace, MaskSettings(), TWO_THREADS, quiet(tmp_path))
    assert workspace.read("masks")["image_id"].tolist() == ["good"]
    dropped = workspace.read("dropped").set_index("item")
    assert dropped["reason"].to_dict() == {"full": "too_large", "wide": "too_large"}
    assert str(tmp_path / "full.png") in dropped.loc["full", "detail"]
