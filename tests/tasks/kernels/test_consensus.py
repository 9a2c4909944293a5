"""The consensus of cuts finds what is there, the same on any thread, and refuses bad boxes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reground.tasks.images import load_rgb
from reground.tasks.images.boxes import parse_boxes
from reground.tasks.kernels.consensus import consensus
from reground.tasks.kernels.grabcut import SegmentationError
from tests.support.needs import need_shared
from tests.support.world import World

TEXTURE = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)


def iou(mask: np.ndarray, other: np.ndarray) -> float:
    return float((mask & other).sum() / (mask | other).sum())


def tight_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def scene(inside: np.ndarray, colour: tuple[int, int, int], background: tuple[int, int, int]) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 6, (*inside.shape, 3))
    return (np.where(inside[..., None], colour, background) + noise).clip(0, 255).astype(np.uint8)


def test_exact_masks_of_a_drawn_world_are_recovered(world: World):
    for image_id, mask in list(world.masks.items())[::3]:
        pixels = load_rgb(str(world.images / image_id.split("_")[0] / f"{image_id}.png"))
        assert iou(consensus(pixels, tight_box(mask)), mask) > 0.9, image_id


@pytest.mark.parametrize("size", [30, 120, 900])
def test_a_disc_is_found_at_any_size(size):
    y, x = np.mgrid[:size, : size * 5 // 4]
    disc = np.hypot(y - size * 0.5, x - size * 0.6) <= size * 0.25
    found = consensus(scene(disc, (200, 40, 40), (30, 90, 60)), tight_box(disc))
    assert found.dtype == np.bool_ and found.shape == disc.shape
    assert iou(found, disc) > 0.93


def test_an_object_cut_off_by_the_image_is_found():
    y, x = np.mgrid[:200, :300]
    half = np.hypot(y - 199, x - 120) <= 110
    assert iou(consensus(scene(half, (210, 180, 60), (40, 60, 120)), tight_box(half)), half) > 0.93


def test_crumbs_and_pinholes_are_gone():
    y, x = np.mgrid[:200, :240]
    disc = np.hypot(y - 100, x - 110) <= 70
    speckled = disc.copy()
    speckled[98:102, 108:112] = False
    speckled[36:39, 45:48] = True
    found = consensus(scene(speckled, (200, 40, 40), (30, 90, 60)), tight_box(disc))
    pieces, _ = cv2.connectedComponents(found.view(np.uint8))
    holes, _ = cv2.connectedComponents((~found).view(np.uint8), connectivity=4)
    assert (pieces, holes) == (2, 2)  # the rest counts as one


@settings(max_examples=15)
@given(data=st.data())
def test_the_mask_of_any_box_lies_inside_it(data):
    height, width = TEXTURE.shape[:2]
    xmin, ymin = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    xmax, ymax = data.draw(st.integers(xmin + 1, width)), data.draw(st.integers(ymin + 1, height))
    assume((xmin, ymin, xmax, ymax) != (0, 0, width, height))
    found = consensus(TEXTURE, (xmin, ymin, xmax, ymax))
    assert found.shape == (height, width)
    found[ymin:ymax, xmin:xmax] = False
    assert not found.any()


@pytest.mark.parametrize("box", [(0, 10, 80, 50), (1, 0, 80, 60), (0, 0, 79, 60), (0, 0, 80, 59), (10, 0, 12, 60)])
def test_a_sliver_of_background_is_enough(box):
    assert consensus(TEXTURE, box).any()


def test_the_mask_depends_on_nothing_but_the_arguments():
    box = (20, 10, 65, 50)
    expected = consensus(TEXTURE, box)

    def again(seed: int) -> np.ndarray:
        cv2.setRNGSeed(seed)  # whatever this thread did before
        return consensus(TEXTURE, box)

    with ThreadPoolExecutor(3) as pool:
        for found in pool.map(again, range(9)):
            np.testing.assert_array_equal(found, expected)


def test_the_photograph_is_left_as_it_was():
    pixels = TEXTURE.copy()
    pixels.flags.writeable = False
    consensus(pixels, (20, 10, 65, 50))
    np.testing.assert_array_equal(pixels, TEXTURE)


def test_no_cut_at_all_is_an_error(monkeypatch):
    def fails(*_: object) -> None:
        raise cv2.error("no samples")

    monkeypatch.setattr(cv2, "grabCut", fails)
    with pytest.raises(SegmentationError, match="to tell from its surroundings"):
        consensus(TEXTURE, (20, 10, 65, 50))


@pytest.mark.parametrize(
    "box",
    [
        (20, 15, 20, 45),  # no width
        (60, 15, 20, 45),  # inside out
        (-5, 15, 60, 45),
        (20, 15, 81, 45),
        (20, 15, 60, 61),
        (0, 0, 80, 60),  # no background left
    ],
)
def test_a_bad_box_is_an_error_not_a_mask(box):
    with pytest.raises(SegmentationError):
        consensus(TEXTURE, box)


def test_masks_of_photographs_are_near_their_references():
    folder = need_shared("imagenet-sample")
    references = sorted((folder / "masks").rglob("*.png"))[1::9]  # of the half that no constant was set on
    found = [iou(*masks_of(folder, reference)) for reference in references]
    assert len(found) >= 15
    assert np.mean(found) > 0.7


def masks_of(folder: Path, reference: Path) -> tuple[np.ndarray, np.ndarray]:
    """Ours and the reference."""
    name = Path(reference.parent.name) / reference.stem
    (box,) = parse_boxes((folder / "Annotations" / name.with_suffix(".xml")).read_bytes()).boxes
    pixels = load_rgb(str(folder / "val" / name.with_suffix(".JPEG")))
    return consensus(pixels, box), load_rgb(str(reference))[..., 0] > 127
