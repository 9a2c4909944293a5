"""The step on supplied masks, of a folder or of COCO."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pycocotools import mask as coco

from reground.flows.run import Runner, run_step
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.masks.png import read_png
from reground.tasks.masks.rle import decode_mask
from reground.tasks.masks.step import STEP, MaskSettings
from reground.tasks.workspace import Workspace, todo
from tests.support.masks_world import TWO_THREADS, box, commit_images, digests, index_world, quiet, row
from tests.support.needs import need_shared
from tests.support.world import World


def write_masks(world: World, folder: Path, ids: list[str] | None = None) -> Path:
    for image_id in ids or world.masks:
        path = folder / image_id.partition("_")[0] / f"{image_id}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(world.masks[image_id]).save(path)
    return folder


def write_coco(world: World, path: Path) -> Path:
    names = list(world.masks)
    annotations = []
    for number, name in enumerate(names):
        rle = coco.encode(np.asfortranarray(world.masks[name], np.uint8))
        segmentation = {"size": rle["size"], "counts": rle["counts"].decode()}
        annotations.append({"id": number, "image_id": number, "segmentation": segmentation})
    sizes = [dict(zip(("height", "width"), world.masks[name].shape)) for name in names]
    images = [{"id": n, "file_name": f"{name}.JPEG", **sizes[n]} for n, name in enumerate(names)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    return path


def made_of(world: World, tmp_path: Path, place: Path, runner: Runner = TWO_THREADS) -> Workspace:
    workspace = index_world(world, str(tmp_path / "workspace"), tmp_path)
    run_step("masks", workspace, MaskSettings(method=f"supplied:{place}"), runner, quiet(tmp_path))
    return workspace


def decoded(masks: pd.DataFrame) -> dict[str, np.ndarray]:
    return {found.image_id: decode_mask(found.rle, found.height, found.width) for found in masks.itertuples()}


@pytest.mark.parametrize("kind", ["png", "coco", "folder with coco"])
def test_supplied_masks_arrive_to_the_pixel(world, tmp_path, kind):
    if kind == "png":
        place = write_masks(world, tmp_path / "masks")
    else:
        place = write_coco(world, tmp_path / "masks" / "instances.json")
        place = place.parent if kind.startswith("folder") else place
    workspace = made_of(world, tmp_path, place)
    masks = workspace.read("masks")
    found = decoded(masks)
    assert found.keys() == world.masks.keys()
    for image_id, mask in world.masks.items():
        np.testing.assert_array_equal(found[image_id], mask)
    assert (masks.method == "supplied").all() and (masks.seed == 0).all()
    assert masks.box.isna().all() and masks.quarantine.isna().all()
    assert workspace.read("dropped").empty


def test_same_bytes_in_processes(world, tmp_path):
    place = write_masks(world, tmp_path / "masks")
    (tmp_path / "other").mkdir()
    one = made_of(world, tmp_path, place)
    other = made_of(world, tmp_path / "other", place, Runner("processes", 2))
    assert digests(one, "masks", "dropped") == digests(other, "masks", "dropped")


def test_a_changed_file_is_read_again_and_no_other(world, tmp_path):
    place = write_masks(world, tmp_path / "masks")
    workspace = made_of(world, tmp_path, place)
    settings = MaskSettings(method=f"supplied:{place}")
    assert not todo(STEP, workspace, settings).missing
    first = min(world.masks)
    changed = world.masks[first].copy()
    changed[: len(changed) // 2] = False
    Image.fromarray(changed).save(place / first.partition("_")[0] / f"{first}.png")
    assert len(todo(STEP, workspace, settings).missing) == 1
    run_step("masks", workspace, settings, TWO_THREADS, quiet(tmp_path))
    np.testing.assert_array_equal(decoded(workspace.read("masks"))[first], changed)


def test_a_changed_coco_file_is_read_again(world, tmp_path):
    place = write_coco(world, tmp_path / "instances.json")
    workspace = made_of(world, tmp_path, place)
    settings = MaskSettings(method=f"supplied:{place}")
    plan = todo(STEP, workspace, settings)
    assert not plan.missing
    content = json.loads(place.read_text())
    content["annotations"].pop()
    place.write_text(json.dumps(content))
    assert len(todo(STEP, workspace, settings).missing) == len(plan.shards)
    run_step("masks", workspace, settings, TWO_THREADS, quiet(tmp_path))
    assert len(workspace.read("masks")) == len(world.masks) - 1


def supplied(workspace_url: str, tmp_path: Path, rows: list[dict], masks: dict[str, np.ndarray]) -> Workspace:
    folder = tmp_path / "supplied"
    folder.mkdir()
    for image_id, mask in masks.items():
        Image.fromarray(mask).save(folder / f"{image_id}.png")
    workspace = Workspace(workspace_url)
    commit_images(workspace, rows)
    run_step("masks", workspace, MaskSettings(method=f"supplied:{folder}", min_quality=0), TWO_THREADS, quiet(tmp_path))
    return workspace


def drawn(*where: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((200, 300), np.bool_)
    for xmin, ymin, xmax, ymax in where:
        mask[ymin:ymax, xmin:xmax] = True
    return mask


def test_boxes_of_every_number(workspace_url, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (200, 300, 3)).astype(np.uint8)
    rows = [
        row(tmp_path / "none.png", pixels),
        row(tmp_path / "one.png", pixels, box(100, 50, 200, 150)),
        row(tmp_path / "two.png", pixels, box(60, 50, 100, 100), box(150, 60, 220, 150)),
    ]
    masks = {"none": drawn((120, 70, 180, 130)), "one": drawn((90, 60, 190, 140)), "two": drawn((50, 60, 210, 145))}
    workspace = supplied(workspace_url, tmp_path, rows, masks)
    found = workspace.read("masks").set_index("image_id")
    assert found.box.to_dict() == {"none": box(120, 70, 180, 130), "one": None, "two": box(60, 50, 220, 150)}
    cut = decoded(workspace.read("masks"))
    np.testing.assert_array_equal(cut["none"], masks["none"])
    np.testing.assert_array_equal(cut["one"], drawn((100, 60, 190, 140)))
    np.testing.assert_array_equal(cut["two"], drawn((60, 60, 210, 145)))
    assert found.area_ratio["none"] == 1.0
    assert found.area_ratio["one"] == pytest.approx(90 * 80 / 100**2)


def test_supplied_masks_may_be_small_but_not_empty_nor_hide_the_background(workspace_url, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (200, 300, 3)).astype(np.uint8)
    rows = [
        row(tmp_path / "small.png", pixels, box(100, 50, 200, 150)),
        row(tmp_path / "empty.png", pixels),
        row(tmp_path / "outside.png", pixels, box(100, 50, 200, 150)),
        row(tmp_path / "whole.png", pixels),
        row(tmp_path / "aside.png", pixels),
        row(tmp_path / "missing.png", pixels, box(100, 50, 200, 150)),
        row(tmp_path / "other_size.png", pixels),
    ]
    masks = {
        "small": drawn((150, 100, 152, 110)),
        "empty": drawn(),
        "outside": drawn((0, 0, 90, 200)),
        "whole": drawn((0, 0, 300, 200)),
        "aside": drawn((0, 0, 40, 200)),
        "other_size": drawn((100, 50, 200, 150))[:-1],
    }
    workspace = supplied(workspace_url, tmp_path, rows, masks)
    assert list(workspace.read("masks").image_id) == ["small"]
    dropped = workspace.read("dropped").set_index("item")
    assert dropped.reason.to_dict() == {
        "empty": "mask_too_small",
        "outside": "mask_too_small",
        "whole": "box_too_large",
        "aside": "box_outside_crop",
        "missing": "mask_missing",
        "other_size": "mask_size_mismatch",
    }
    assert dropped.detail["outside"] == "no foreground in the box"
    assert dropped.detail["missing"] == "no file is called missing.png"


def test_two_files_of_one_name_are_not_chosen_from(workspace_url, tmp_path):
    pixels = np.zeros((200, 300, 3), np.uint8)
    commit_images(Workspace(workspace_url), [row(tmp_path / f"{name}.png", pixels) for name in "ab"])
    for name in ("x/a", "y/a", "x/b"):
        path = tmp_path / "supplied" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn((100, 50, 200, 150))).save(path)
    settings = MaskSettings(method=f"supplied:{tmp_path / 'supplied'}", min_quality=0)
    run_step("masks", Workspace(workspace_url), settings, TWO_THREADS, quiet(tmp_path))
    assert list(Workspace(workspace_url).read("masks").image_id) == ["b"]
    (why,) = Workspace(workspace_url).read("dropped").detail
    assert why.startswith("several files are called a.png: ") and "x/a.png" in why and "y/a.png" in why


def test_an_invalid_instance_is_reported_and_the_others_are_used(workspace_url, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (200, 300, 3)).astype(np.uint8)
    commit_images(Workspace(workspace_url), [row(tmp_path / "a.png", pixels, box(100, 50, 200, 150))])
    good = [[110, 60, 190, 60, 190, 140, 110, 140]]
    annotations = [{"id": n, "image_id": 1, "segmentation": part} for n, part in enumerate((good, [[1, 2]]))]
    content = {"images": [{"id": 1.0, "file_name": "a.png", "width": 300, "height": 200}], "annotations": annotations}
    (tmp_path / "a.json").write_text(json.dumps(content))
    settings = MaskSettings(method=f"supplied:{tmp_path / 'a.json'}", min_quality=0)
    run_step("masks", Workspace(workspace_url), settings, TWO_THREADS, quiet(tmp_path))
    (mask,) = decoded(Workspace(workspace_url).read("masks")).values()
    assert mask.sum() == 80 * 80
    (drop,) = Workspace(workspace_url).read("dropped").to_dict("records")
    assert (drop["item"], drop["reason"]) == ("a", "mask_part_invalid")
    assert drop["detail"].startswith("annotation 1: expected polygons")


def test_a_foreground_value_settles_what_masks_do_not_say(workspace_url, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (200, 300, 3)).astype(np.uint8)
    commit_images(Workspace(workspace_url), [row(tmp_path / "a.png", pixels, box(100, 50, 200, 150))])
    trimap = np.full((200, 300), 2, np.uint8)
    trimap[60:140, 110:190] = 1
    trimap[60:140, 110] = 3
    (tmp_path / "masks").mkdir()
    Image.fromarray(trimap).save(tmp_path / "masks" / "a.png")
    method = f"supplied:{tmp_path / 'masks'}"
    with pytest.raises(RegroundError, match=r"mask_ambiguous: grey values 1, 2, 3 .* give --foreground-value N"):
        run_step("masks", Workspace(workspace_url), MaskSettings(method), TWO_THREADS, quiet(tmp_path))
    settings = MaskSettings(method, foreground_value=1, min_quality=0)
    run_step("masks", Workspace(workspace_url), settings, TWO_THREADS, quiet(tmp_path))
    (mask,) = decoded(Workspace(workspace_url).read("masks")).values()
    np.testing.assert_array_equal(mask, trimap == 1)


def test_no_mask_at_all_is_an_error(world, tmp_path):
    write_masks(world, tmp_path / "masks", [min(world.masks)])
    (path,) = (tmp_path / "masks").rglob("*.png")
    path.rename(path.with_name("other.png"))
    with pytest.raises(UsageError, match=r"got none for any image; the first, .*: mask_missing: no file is called"):
        made_of(world, tmp_path, tmp_path / "masks")


@pytest.mark.parametrize(
    ("files", "place", "message"),
    [
        ([], "nowhere", "found nothing there: give supplied:DIR"),
        (["a.txt"], "a.txt", r"in a folder or in a COCO file \(.json\), got the file"),
        (["a.txt"], ".", "found no .png and 0 .json"),
        (["a.json", "b.json"], ".", r"found no .png and 2 .json \(a.json, b.json\): name the one you mean"),
    ],
)
def test_places_without_masks(workspace_url, tmp_path, files, place, message):
    commit_images(Workspace(workspace_url), [row(tmp_path / "a.png", np.zeros((20, 30, 3), np.uint8))])
    folder = tmp_path / "supplied"
    folder.mkdir()
    for name in files:
        (folder / name).touch()
    with pytest.raises(UsageError, match=message):
        todo(STEP, Workspace(workspace_url), MaskSettings(method=f"supplied:{folder / place}"))


def test_a_file_that_is_no_coco_stops_the_step(workspace_url, tmp_path):
    commit_images(Workspace(workspace_url), [row(tmp_path / "a.png", np.zeros((20, 30, 3), np.uint8))])
    (tmp_path / "a.json").write_text('{"images": 1}')
    with pytest.raises(
        RegroundError, match=r"expected COCO's instances .* in .*a.json: images: expected a list, found 1"
    ):
        run_step(
            "masks",
            Workspace(workspace_url),
            MaskSettings(method=f"supplied:{tmp_path / 'a.json'}"),
            TWO_THREADS,
            quiet(tmp_path),
        )


def test_the_reference_masks_of_real_photographs_are_read():
    folder = need_shared("imagenet-sample")
    files = sorted((folder / "masks").rglob("*.png"))[::20]
    for path in files:
        with Image.open(path) as image:
            size, values = image.size, np.asarray(image)
        np.testing.assert_array_equal(read_png(path.read_bytes(), *size), values > 127)
    assert files
