"""Altered copies of a picture are alike, other pictures are not."""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image

from reground.tasks.kernels.perceptual_hash import (
    dct_hash,
    hamming_distance,
    similarity,
    similarity_to_crop,
    thumbnail,
)
from tests.support.textures import picture


def grey(pixels: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)


def jpeg(pixels: np.ndarray) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=40)
    return np.asarray(Image.open(buffer))


def crop(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    return pixels[height * 15 // 100 :, : width * 85 // 100]


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "jpeg": jpeg,
    "half": lambda x: np.asarray(Image.fromarray(x).reduce(2)),
    "grey": lambda x: np.repeat(grey(x)[..., None], 3, axis=2).astype(np.uint8),
    "mirror": lambda x: np.ascontiguousarray(x[:, ::-1]),
    "crop": crop,
    "mirrored crop": lambda x: np.ascontiguousarray(crop(x)[:, ::-1]),
}


def alike(a: np.ndarray, b: np.ndarray) -> float:
    return max(similarity(thumbnail(a), thumbnail(b)), similarity_to_crop(grey(a), thumbnail(b)))


@pytest.mark.parametrize("name", COPIES)
def test_an_altered_copy_is_alike(name: str) -> None:
    for seed in range(8):
        assert alike(picture(seed), COPIES[name](picture(seed))) >= 0.95


def test_other_pictures_are_not_alike() -> None:
    assert max(alike(picture(seed), picture(seed + 100)) for seed in range(8)) < 0.9


@pytest.mark.parametrize("name", ["jpeg", "half", "grey"])
def test_a_hash_survives_what_keeps_the_frame(name: str) -> None:
    for seed in range(8):
        hashes = [np.array(dct_hash(thumbnail(x)), np.uint64) for x in (picture(seed), COPIES[name](picture(seed)))]
        assert hamming_distance(*hashes) <= 10


def test_hashes_of_other_pictures_are_far_apart() -> None:
    hashes = np.array([dct_hash(thumbnail(picture(seed))) for seed in range(20)], np.uint64)
    distances = hamming_distance(hashes[:, None], hashes[None])
    assert (distances + 64 * np.eye(20, dtype=np.int64)).min() > 10


def test_one_colour_is_alike_to_itself_alone() -> None:
    dark, light = (np.full((32, 32), value, np.float32) for value in (40, 200))
    assert similarity(dark, dark) == 1
    assert similarity(dark, light) == 0
    assert similarity(dark, thumbnail(picture(0))) == 0
    assert similarity_to_crop(grey(picture(0)), dark) == -1
