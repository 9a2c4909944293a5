"""Masks that somebody made: every way of writing one, every way of spoiling one."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pycocotools import mask as coco

from reground.flows.run import Runner, run_step
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.images import Box, DropError, Photograph
from reground.tasks.masks.coco import SegmentationFormatError, coco_mask, decode_segmentation, parse_coco
from reground.tasks.masks.rle import decode_mask, encode_mask
from reground.tasks.masks.source import file_sha256
from reground.tasks.masks.step import STEP, MaskSettings
from reground.tasks.masks.supplied import read_png
from reground.tasks.schema import DropReason
from reground.tasks.workspace import Workspace, todo
from tests.support.needs import need_shared
from tests.support.world import World
from tests.tasks.masks.test_step import TWO_THREADS, box, commit_images, digests, index_world, quiet, row

HEIGHT, WIDTH = 12, 16
some_masks = arrays(np.bool_, (HEIGHT, WIDTH)).filter(np.any)


def png(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def palette(mask: np.ndarray, colours: list[tuple[int, int, int]], number: int = 1) -> Image.Image:
    image = Image.fromarray(np.where(mask, number, 0).astype(np.uint8), "P")
    image.putpalette([value for colour in colours for value in colour])
    return image


def cut_out(mask: np.ndarray) -> Image.Image:
    return Image.fromarray(
        np.dstack([np.full((*mask.shape, 3), 90, np.uint8), np.where(mask, 255, 0)]).astype(np.uint8)
    )


WRITERS = {
    "0 and 255": lambda mask: Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)),
    "0 and 1": lambda mask: Image.fromarray(mask.astype(np.uint8)),
    "one bit": lambda mask: Image.fromarray(mask),
    "smoothed": lambda mask: Image.fromarray(np.where(mask, 130, 125).astype(np.uint8)),
    "16 bits": lambda mask: Image.fromarray(np.where(mask, 65535, 0).astype(np.uint16)),
    "16 bits that hold 255": lambda mask: Image.fromarray(np.where(mask, 255, 0).astype(np.uint16)),
    "colour": lambda mask: Image.fromarray(np.where(mask[..., None], (128, 0, 0), 0).astype(np.uint8)),
    "grey in colour": lambda mask: Image.fromarray(np.where(mask[..., None], (255, 255, 255), 0).astype(np.uint8)),
    "palette": lambda mask: palette(mask, [(0, 0, 0), (128, 0, 0)]),
    "palette, white first": lambda mask: palette(~mask, [(255, 255, 255), (0, 0, 0)]),
    "alpha": cut_out,
    "grey with alpha": lambda mask: cut_out(mask).convert("LA"),
    "colour, nothing hidden": lambda mask: Image.fromarray(
        np.dstack([np.where(mask[..., None], (0, 128, 0), 0), np.full(mask.shape, 255)]).astype(np.uint8)
    ),
}


@pytest.mark.parametrize("how", WRITERS)
@given(mask=some_masks.filter(lambda mask: not mask.all()))
def test_every_way_to_write_a_mask(how, mask):
    np.testing.assert_array_equal(read_png(png(WRITERS[how](mask)), WIDTH, HEIGHT), mask)


def test_what_pascal_voc_left_open_is_background():
    image = palette(np.ones((HEIGHT, WIDTH), np.bool_), [(0, 0, 0), (128, 0, 0), (224, 224, 192)], 2)
    image.putpixel((3, 4), 1)
    assert np.argwhere(read_png(png(image), WIDTH, HEIGHT)).tolist() == [[4, 3]]


def refusal(content: bytes, width: int = WIDTH, height: int = HEIGHT) -> tuple[DropReason, str]:
    with pytest.raises(DropError) as caught:
        read_png(content, width, height)
    return caught.value.reason, caught.value.detail


def test_files_that_are_no_mask():
    good = png(Image.fromarray(np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH)).astype(np.uint8)))
    jpeg = io.BytesIO()
    Image.new("L", (WIDTH, HEIGHT)).save(jpeg, "JPEG")
    assert refusal(b"") == (DropReason.EMPTY_FILE, "a mask of 0 bytes")
    assert refusal(jpeg.getvalue())[0] == DropReason.NOT_AN_IMAGE
    assert refusal(b"<svg/>")[0] == DropReason.NOT_AN_IMAGE
    assert refusal(good[: len(good) // 2])[0] == DropReason.TRUNCATED
    assert refusal(good, HEIGHT, WIDTH) == (DropReason.MASK_SIZE_MISMATCH, "a mask of 16 x 12, its image is 12 x 16")
    dim = png(Image.fromarray(np.full((HEIGHT, WIDTH), 100, np.uint8)))
    assert refusal(dim)[0] == DropReason.MASK_FAILED
    assert "brightest pixel is 100, over 127 is needed" in refusal(dim)[1]


@given(st.binary(max_size=60), st.integers(0, 200), st.booleans())
def test_damage_costs_one_mask_at_most(noise, at, cut):
    good = png(Image.fromarray(np.random.default_rng(0).integers(0, 2, (HEIGHT, WIDTH)).astype(np.uint8)))
    spoiled = good[:at] + noise + (b"" if cut else good[at + len(noise) :])
    try:
        assert read_png(spoiled, WIDTH, HEIGHT).shape == (HEIGHT, WIDTH)
    except DropError as why:
        assert why.reason in set(DropReason) and why.detail


# Segmentations


def uncompressed(mask: np.ndarray) -> dict:
    values = mask.T.ravel()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], values]).astype(int))).tolist()
    counts = np.diff([0, *edges, values.size]).tolist()
    return {"size": [*mask.shape], "counts": counts}


@given(some_masks)
def test_run_lengths_there_and_back(mask):
    compressed = {"size": [HEIGHT, WIDTH], "counts": encode_mask(mask)}
    np.testing.assert_array_equal(decode_segmentation(compressed, HEIGHT, WIDTH), mask)
    np.testing.assert_array_equal(decode_segmentation(uncompressed(mask), HEIGHT, WIDTH), mask)


def test_polygons_are_united_and_end_at_the_image():
    two = decode_segmentation([[1, 1, 5, 1, 5, 5, 1, 5], [8, 2, 1e8, 2, 1e8, 6, 8, 6]], HEIGHT, WIDTH)
    expected = np.zeros((HEIGHT, WIDTH), np.bool_)
    expected[1:5, 1:5] = expected[2:6, 8:] = True
    np.testing.assert_array_equal(two, expected)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=8) | st.dictionaries(st.sampled_from(["size", "counts", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSONS | st.lists(st.lists(st.floats() | st.integers(), min_size=6, max_size=10), max_size=3))
@example({"size": [HEIGHT, WIDTH], "counts": "11" * 40})
@example({"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH, -1, 1]})
@example([[10**400, 0, 0, 0, 0, 10]])
def test_a_segmentation_is_a_mask_or_malformed(segmentation):
    try:
        mask = decode_segmentation(segmentation, HEIGHT, WIDTH)
    except SegmentationFormatError as why:
        assert 0 < len(str(why)) < 300
    else:
        assert mask.shape == (HEIGHT, WIDTH) and mask.dtype == np.bool_


# COCO files


def coco_file(*images: tuple[str, list]) -> dict:
    made = {"images": [], "annotations": []}
    for number, (name, segmentations) in enumerate(images):
        made["images"].append({"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT})
        made["annotations"] += [
            {"id": 10 * number + n, "image_id": number, "segmentation": s} for n, s in enumerate(segmentations)
        ]
    return made


def rectangle(xmin: int, ymin: int, xmax: int, ymax: int) -> list:
    return [[xmin, ymin, xmax, ymin, xmax, ymax, xmin, ymax]]


def photograph(image_id: str = "a", where: tuple[int, int, int, int] = (0, 0, WIDTH, HEIGHT)) -> Photograph:
    return Photograph(image_id, "", 0, WIDTH, HEIGHT, Box(*where))  # type: ignore[arg-type]


def mask_of(path: Path, content: dict, of: Photograph) -> np.ndarray:
    path.write_text(json.dumps(content))
    return coco_mask(str(path), file_sha256(path), of)


def test_instances_in_the_box_are_united(tmp_path):
    content = coco_file(("x/a.jpg", [rectangle(1, 1, 4, 4), rectangle(5, 5, 8, 8), rectangle(7, 9, 15, 12)]))
    united = mask_of(tmp_path / "a.json", content, photograph(where=(0, 0, 9, 12)))
    expected = np.zeros((HEIGHT, WIDTH), np.bool_)
    expected[1:4, 1:4] = expected[5:8, 5:8] = True  # of the third, a quarter lies in the box
    np.testing.assert_array_equal(united, expected)
    expected[9:12, 7:15] = True
    np.testing.assert_array_equal(mask_of(tmp_path / "a.json", content, photograph()), expected)


def test_images_are_found_by_path_before_stem(tmp_path):
    content = coco_file(("a.jpg", [rectangle(1, 1, 4, 4)]), ("x/a.jpg", [rectangle(5, 5, 8, 8)]))
    path = tmp_path / "a.json"
    assert np.argwhere(mask_of(path, content, photograph("a")))[0].tolist() == [1, 1]
    assert np.argwhere(mask_of(path, content, photograph("x__a")))[0].tolist() == [5, 5]


@pytest.mark.parametrize(
    ("content", "image_id", "reason", "detail"),
    [
        (coco_file(("b.jpg", [])), "a", "mask_missing", "no image is called a"),
        (coco_file(("x/a.jpg", []), ("y/a.jpg", [])), "a", "mask_missing", "several images are called a"),
        (coco_file(("a.jpg", [])), "a", "mask_missing", "none of 0 instances lies in the box"),
        (coco_file(("a.jpg", [[[1, 2, 3]]])), "a", "mask_failed", "annotation 0: expected polygons of 3 or more x, y"),
        (coco_file(("a.jpg", [None])), "a", "mask_failed", "expected polygons or run lengths, found null"),
        (coco_file(("a.jpg", [{"size": [2, 2], "counts": [4]}])), "a", "mask_failed", r"size \[12, 16\], found"),
    ],
)
def test_images_without_a_usable_instance(tmp_path, content, image_id, reason, detail):
    with pytest.raises(DropError, match=detail) as caught:
        mask_of(tmp_path / "a.json", content, photograph(image_id))
    assert caught.value.reason == reason


def test_an_image_of_another_size(tmp_path):
    content = coco_file(("a.jpg", [rectangle(1, 1, 4, 4)]))
    content["images"][0]["width"] = 17
    with pytest.raises(DropError, match="masks for 17 x 12, the image is 16 x 12"):
        mask_of(tmp_path / "a.json", content, photograph())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Expecting value"),
        (b"\xff\xfe{", "codec can.t decode"),
        (b"[1, 2]", "the top: expected an object with 'images', found a list of 2"),
        (b'{"images": 3}', "images: expected a list, found 3"),
        (b'{"images": [], "annotations": [7]}', r"annotations\[0\]: expected an object with 'image_id', found 7"),
        (b'{"images": [], "annotations": [{"image_id": 7}]}', r"annotations\[0\]: image_id 7 is that of no image"),
        (b'{"images": [{"id": 1}], "annotations": []}', r"images\[0\]: expected an object with 'width'"),
        (b'{"images": [{"id": [], "file_name": "a", "width": 1, "height": 1}]}', "expected a number or text as id"),
        (b'{"images": [{"id": 1, "file_name": "/", "width": 1, "height": 1}]}', "expected a file_name"),
        (b'{"images": [{"id": 1, "file_name": "a", "width": 1.5, "height": 1}]}', "expected a width and a height"),
        (b"[" * 100_000, "nested too deep"),
    ],
)
def test_files_that_are_no_coco(content, message):
    with pytest.raises(ValueError, match=message):
        parse_coco(content)


@given(
    st.dictionaries(
        st.sampled_from(["images", "annotations"]),
        st.lists(
            st.dictionaries(st.sampled_from(["id", "image_id", "file_name", "width", "height", "segmentation"]), JSONS),
            max_size=3,
        ),
    )
)
def test_any_json_is_coco_or_a_value_error(content):
    try:
        found = parse_coco(json.dumps(content).encode())
    except ValueError as error:
        assert str(error)
    else:
        assert isinstance(found, dict)


# The step


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


def test_no_mask_at_all_is_an_error(world, tmp_path):
    write_masks(world, tmp_path / "masks", [min(world.masks)])
    (path,) = (tmp_path / "masks").rglob("*.png")
    path.rename(path.with_name("other.png"))
    with pytest.raises(RegroundError, match=r"got none for any image; the first, .*: mask_missing: no file is called"):
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
