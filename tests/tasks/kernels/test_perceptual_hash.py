"""Hashes of copies differ in few bits, those of other pictures in many."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from reground.tasks.kernels.perceptual_hash import dct_hashes, hamming_distance, part_hashes, thumbnail
from tests.support.textures import copies, picture


def small(pixels: np.ndarray) -> np.ndarray:
    return thumbnail(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8))


def hashes(pictures: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return dct_hashes(np.stack([small(pixels) for pixels in pictures]))


@pytest.mark.parametrize("name", ["jpeg", "half", "grey"])
def test_a_hash_survives_what_keeps_the_frame(name: str) -> None:
    pictures = [picture(seed) for seed in range(8)]
    assert hamming_distance(hashes(pictures)[0], hashes([copies(x)[name] for x in pictures])[0]).max() <= 10


def test_the_hash_of_a_mirror_image_is_that_of_the_mirrored_picture() -> None:
    pictures = [picture(seed) for seed in range(8)]
    _, mirror = hashes(pictures)
    of_mirror, again = hashes([copies(x)["mirror"] for x in pictures])
    assert hamming_distance(mirror, of_mirror).max() <= 2
    assert hamming_distance(again, hashes(pictures)[0]).max() <= 2


def test_hashes_of_other_pictures_are_far_apart() -> None:
    both = np.concatenate(hashes([picture(seed) for seed in range(20)]))
    distances = hamming_distance(both[:, None], both[None])
    assert (distances + 64 * np.eye(40, dtype=np.int64)).min() > 10


def test_a_hash_is_that_of_the_definition() -> None:
    thumb = small(picture(0))
    low = np.rint(cv2.dct(thumb.astype(np.float32))[:8, :8]).ravel()
    bits = low > np.median(low[1:])
    bits[0] = False
    expected = int("".join(str(int(bit)) for bit in bits), 2)
    assert int(dct_hashes(thumb[None])[0][0]) == expected


def test_one_colour_has_one_hash_whatever_its_noise() -> None:
    noise = np.random.default_rng(0).integers(-1, 2, (5, 48, 48)) * np.array([0, 0, 0, 1, 1])[:, None, None]
    flat = (np.array([3, 120, 250, 0, 0])[:, None, None] + noise).clip(0, 255).astype(np.uint8)
    assert set(dct_hashes(flat[:3])[0].tolist()) == {0}


def test_no_pictures_have_no_hashes() -> None:
    assert [len(part) for part in dct_hashes(np.zeros((0, 48, 48), np.uint8))] == [0, 0]


@pytest.mark.parametrize(("name", "mirrored"), [("crop", 0), ("corner", 0), ("mirrored crop", 1)])
def test_a_crop_has_the_hash_of_a_part(name: str, mirrored: int) -> None:
    pictures = [picture(seed) for seed in range(8)]
    crops = hashes([copies(x)[name] for x in pictures])[mirrored]
    parts = list(part_hashes(np.stack([small(x) for x in pictures])))
    assert len(parts) == 27
    assert np.min([hamming_distance(crops, part) for part in parts], axis=0).max() <= 10


def test_the_hash_of_a_part_is_that_of_its_pixels() -> None:
    thumbs = np.stack([small(picture(seed)) for seed in range(5)])
    parts = list(part_hashes(thumbs))
    places = [(side, y, x) for side in (44, 41, 38) for y in (0, 1, 2) for x in (0, 1, 2)]
    for part, (side, y, x) in zip(parts, places, strict=True):
        top, left = ([0, (48 - side) // 2, 48 - side][place] for place in (y, x))
        own = dct_hashes(thumbs[:, top : top + side, left : left + side])[0]
        assert hamming_distance(part, own).max() <= 2
