"""Copies of a picture are alike, other pictures are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from reground.tasks.kernels.perceptual_hash import thumbnail
from reground.tasks.kernels.picture_match import Likeness, likeness
from tests.support.textures import copies, picture


def small(pixels: np.ndarray) -> np.ndarray:
    return thumbnail(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8))


@pytest.mark.parametrize(
    ("name", "mirrored", "cropped"),
    [
        ("jpeg", False, False),
        ("half", False, False),
        ("grey", False, False),
        ("mirror", True, False),
        ("crop", False, True),
        ("corner", False, True),
        ("mirrored crop", True, True),
    ],
)
def test_an_altered_copy_is_alike(name: str, mirrored: bool, cropped: bool) -> None:
    for seed in range(8):
        whole, copy = small(picture(seed)), small(copies(picture(seed))[name])
        for match in (likeness(whole, copy), likeness(copy, whole)):
            assert match.correlation >= 0.95
            assert (match.mirrored, match.cropped) == (mirrored, cropped)


def test_other_pictures_are_not_alike() -> None:
    for seed in range(8):
        assert likeness(small(picture(seed)), small(picture(seed + 100))).correlation < 0.9


def test_a_correlation_is_that_of_the_definition() -> None:
    a, b = small(picture(0)), small(picture(1))
    x, y = (cv2.resize(one, (32, 32), interpolation=cv2.INTER_AREA).astype(float).ravel() for one in (a, b))
    mirror = y.reshape(32, 32)[:, ::-1].ravel()
    expected = max(np.corrcoef(x, y)[0, 1], np.corrcoef(x, mirror)[0, 1])
    assert likeness(a, b, enough=-1).correlation == pytest.approx(expected, abs=1e-5)


def test_one_colour_is_alike_to_itself_alone() -> None:
    dark, light = (np.full((48, 48), value, np.uint8) for value in (40, 200))
    assert likeness(dark, dark) == Likeness(1.0)
    assert likeness(dark, light) == Likeness(0.0)
    assert likeness(dark, small(picture(0))) == Likeness(0.0)
