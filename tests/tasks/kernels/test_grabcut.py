"""GrabCut finds what is there, depends on nothing but its arguments, and refuses bad boxes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from reground.tasks.kernels.grabcut import SegmentationError, grabcut


def patchwork() -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """Patches of colour that leave it to the random start which of them are foreground."""
    rng = np.random.default_rng(1)
    patches = rng.integers(0, 256, (12, 16, 3))
    patches[3:9, 4:12, 0] += 60
    pixels = np.kron(patches, np.ones((10, 10, 1))) + rng.normal(0, 25, (120, 160, 3))
    return pixels.clip(0, 255).astype(np.uint8), (40, 30, 120, 90)


def disc(colour: tuple[int, int, int], background: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:80, :100]
    mask = (y - 40) ** 2 + (x - 50) ** 2 <= 20**2
    return np.where(mask[..., None], colour, background).astype(np.uint8), mask


DISC_BOX = (30, 20, 71, 61)


def test_a_plain_disc_is_found_exactly():
    pixels, mask = disc((200, 40, 40), (30, 90, 60))
    pixels = pixels + np.random.default_rng(0).integers(0, 12, pixels.shape).astype(np.uint8)
    found = grabcut(pixels, DISC_BOX, 5, seed=1)
    assert found.dtype == np.bool_
    assert (found & mask).sum() / (found | mask).sum() > 0.98


def test_nothing_outside_the_box_is_foreground():
    pixels, (xmin, ymin, xmax, ymax) = patchwork()
    found = grabcut(pixels, (xmin, ymin, xmax, ymax), 2, seed=3)
    found[ymin:ymax, xmin:xmax] = False
    assert not found.any()


def test_the_seed_decides_and_nothing_else_does():
    pixels, box = patchwork()
    expected = {seed: grabcut(pixels, box, 2, seed) for seed in range(6)}
    assert len({mask.tobytes() for mask in expected.values()}) > 1

    def again(seed: int) -> np.ndarray:
        cv2.setRNGSeed(99)  # whatever this thread did before
        return grabcut(pixels, box, 2, seed)

    with ThreadPoolExecutor(3) as pool:
        for seed, mask in zip([*expected] * 4, pool.map(again, [*expected] * 4)):
            np.testing.assert_array_equal(mask, expected[seed])


@pytest.mark.parametrize(
    "box",
    [
        (20, 15, 20, 45),  # no width
        (60, 15, 20, 45),  # inside out
        (-5, 15, 60, 45),
        (20, 15, 161, 45),
        (20, 15, 60, 121),
        (0, 0, 160, 120),  # no background left
    ],
)
def test_a_bad_box_is_an_error_not_a_mask(box):
    pixels, _ = patchwork()
    with pytest.raises(SegmentationError):
        grabcut(pixels, box, 5, seed=0)
