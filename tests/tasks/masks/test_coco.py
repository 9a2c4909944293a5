"""COCO: segmentations, instances of an image, and files that are malformed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reground.tasks.images import Box, DropError, Photograph
from reground.tasks.masks.coco import SegmentationFormatError, coco_mask, decode_segmentation
from reground.tasks.masks.coco_file import parse_coco
from reground.tasks.masks.rle import encode_mask
from reground.tasks.masks.source import Mask, PartialMask, file_sha256

HEIGHT, WIDTH = 12, 16


some_masks = arrays(np.bool_, (HEIGHT, WIDTH)).filter(np.any)


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


def test_an_outline_without_bounds_is_refused():
    zigzag = [0, 0, WIDTH, HEIGHT] * 1_000_000  # pycocotools takes 1.6 GB, and crashes where there is less
    with pytest.raises(SegmentationFormatError, match="an outline of at most 10,000,000 pixels, found 32,000,000"):
        decode_segmentation([zigzag], HEIGHT, WIDTH)


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


def result_of(path: Path, content: dict, of: Photograph) -> Mask | PartialMask:
    path.write_text(json.dumps(content))
    return coco_mask(str(path), file_sha256(path), of)


def mask_of(path: Path, content: dict, of: Photograph) -> Mask:
    mask = result_of(path, content, of)
    assert isinstance(mask, np.ndarray)
    return mask


def test_instances_in_the_box_are_united(tmp_path):
    content = coco_file(("x/a.jpg", [rectangle(1, 1, 4, 4), rectangle(5, 5, 8, 8), rectangle(7, 9, 15, 12)]))
    united = mask_of(tmp_path / "a.json", content, photograph(where=(0, 0, 9, 12)))
    expected = np.zeros((HEIGHT, WIDTH), np.bool_)
    expected[1:4, 1:4] = expected[5:8, 5:8] = True  # of the third, a quarter lies in the box
    np.testing.assert_array_equal(united, expected)
    expected[9:12, 7:15] = True
    np.testing.assert_array_equal(mask_of(tmp_path / "a.json", content, photograph()), expected)


BAD_SEGMENTATIONS = {
    "an odd number of coordinates": [[1, 2, 3]],
    "nothing": None,
    "no polygon": [],
    "another size": {"size": [2, 2], "counts": [4]},
    "runs that end early": {"size": [HEIGHT, WIDTH], "counts": [3]},
    "damaged runs": {"size": [HEIGHT, WIDTH], "counts": "11" * 40},
    "infinity": [[0, 0, 1e999, 0, 5, 5]],
    "not a number": [[0, 0, float("nan"), 0, 5, 5]],
}


@pytest.mark.parametrize("bad", BAD_SEGMENTATIONS)
def test_a_bad_instance_costs_itself_alone(tmp_path, bad):
    content = coco_file(("a.jpg", [BAD_SEGMENTATIONS[bad], rectangle(1, 1, 4, 4)]))
    result = result_of(tmp_path / "a.json", content, photograph())
    assert isinstance(result, PartialMask)
    assert np.argwhere(result.mask).min(axis=0).tolist() == [1, 1]
    assert result.mask.sum() == 9
    (problem,) = result.problems
    assert problem.startswith("annotation 0: ")


def test_bad_images_and_annotations_cost_themselves_alone(tmp_path, caplog):
    content = coco_file(("a.jpg", [rectangle(1, 1, 4, 4)]), ("b.jpg", []))
    content["images"] += [{"id": 7}, {"id": 8, "file_name": "c.jpg", "width": -1, "height": 2}, None]
    content["annotations"] += [{"id": 1, "image_id": 99, "segmentation": rectangle(1, 1, 2, 2)}, 5, {"id": 3}]
    assert mask_of(tmp_path / "a.json", content, photograph()).sum() == 9
    parsed = parse_coco((tmp_path / "a.json").read_bytes())
    assert [problem.partition(":")[0] for problem in parsed.problems] == [
        "images[2]",
        "images[3]",
        "images[4]",
        "annotations[1]",
        "annotations[2]",
        "annotations[3]",
    ]
    assert "6 images and annotations cannot be used; first: images[2]: expected" in caplog.text


def test_whole_numbers_may_be_floats_and_ids_may_be_quoted(tmp_path):
    content = coco_file(("a.jpg", [uncompressed(np.eye(HEIGHT, WIDTH, dtype=bool))]))
    content["images"][0] |= {"id": 3.0, "width": float(WIDTH), "height": float(HEIGHT)}
    content["annotations"][0]["image_id"] = "3"
    segmentation = content["annotations"][0]["segmentation"]
    segmentation |= {name: list(map(float, segmentation[name])) for name in ("size", "counts")}
    np.testing.assert_array_equal(
        mask_of(tmp_path / "a.json", content, photograph()), np.eye(HEIGHT, WIDTH, dtype=bool)
    )


def test_two_images_of_one_id_are_refused(tmp_path):
    content = coco_file(("a.jpg", [rectangle(1, 1, 4, 4)]), ("b.jpg", []))
    content["images"].append(content["images"][0])
    assert mask_of(tmp_path / "a.json", content, photograph()).sum() == 9
    content["images"][1]["id"] = 0
    with pytest.raises(ValueError, match=r"images\[1\]: id 0 is already that of a.jpg"):
        parse_coco(json.dumps(content).encode())


def test_names_are_compared_in_one_unicode_form(tmp_path):
    content = coco_file(("cafe\u0301.jpg", [rectangle(1, 1, 4, 4)]))
    assert mask_of(tmp_path / "a.json", content, photograph("caf\u00e9")).sum() == 9


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
        (coco_file(("a.jpg", [None])), "a", "mask_failed", "expected polygons or run lengths, found None"),
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
        (b"[1, 2]", r"the top: expected an object with 'images', found \[1, 2\]"),
        (b'{"images": 3}', "images: expected a list, found 3"),
        (b'{"images": [], "annotations": [7]}', r"annotations\[0\]: expected an object with 'image_id', found 7"),
        (
            b'{"images": [], "annotations": [{"image_id": 7}]}',
            r"annotations\[0\]: image_id 7 is that of no usable image",
        ),
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
        coco_file = parse_coco(json.dumps(content).encode())
    except ValueError as error:
        assert str(error)
    else:
        assert all(images for images in coco_file.images.values())
