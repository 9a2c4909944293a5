"""Inpainting: what is outside the hole stays, and goes on inside it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reground.tasks.kernels.inpaint import inpaint


def hole_of(shape: tuple[int, int], top: int, left: int, bottom: int, right: int) -> np.ndarray:
    hole = np.zeros(shape, np.bool_)
    hole[top:bottom, left:right] = True
    return hole


def noise(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3)).astype(np.uint8)


@given(st.integers(1, 90), st.integers(1, 90), st.data())
@settings(max_examples=40)
def test_any_hole_in_any_image(height, width, data):
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    hole = hole_of((height, width), top, left, data.draw(st.integers(top, height)), data.draw(st.integers(left, width)))
    pixels = noise((height, width))
    if hole.all():
        with pytest.raises(ValueError, match="outside the hole, found none"):
            inpaint(pixels, hole, 0)
        return
    before = pixels.copy()
    filled = inpaint(pixels, hole, 0)
    assert (filled.shape, filled.dtype) == (pixels.shape, np.uint8)
    np.testing.assert_array_equal(pixels, before)
    np.testing.assert_array_equal(filled[~hole], pixels[~hole])
    np.testing.assert_array_equal(filled, inpaint(pixels, hole, 0))


@given(st.tuples(*[st.integers(0, 255)] * 3), st.sampled_from([1, 3, 20, 60]))
@settings(max_examples=20)
def test_one_colour_goes_on(colour, frame):
    # A frame of one pixel has no whole patch at any scale: the smooth surface is all there is.
    pixels, hole = noise((160, 140)), hole_of((160, 140), frame, frame, 160 - frame, 140 - frame)
    pixels[~hole] = colour
    assert (inpaint(pixels, hole, 0) == np.array(colour)).all()


def test_what_is_inside_the_hole_does_not_matter():
    pixels, hole = noise((120, 150)), hole_of((120, 150), 30, 40, 90, 120)
    other = pixels.copy()
    other[hole] = 7
    np.testing.assert_array_equal(inpaint(pixels, hole, 0), inpaint(other, hole, 0))


def test_two_halves_stay_two_halves():
    truth = np.zeros((192, 192, 3), np.uint8)
    truth[:96] = (30, 120, 40)
    truth[96:] = (150, 110, 90)
    hole = hole_of((192, 192), 48, 48, 150, 150)
    pixels = truth.copy()
    pixels[hole] = 255
    wrong = (inpaint(pixels, hole, 0) != truth).any(-1)
    assert wrong[hole].mean() < 0.1


def test_texture_goes_on_as_crisp_as_it_is():
    truth = np.random.default_rng(1).normal(128, 40, (224, 224, 3)).clip(0, 255).astype(np.uint8)
    hole = hole_of((224, 224), 60, 60, 170, 170)
    pixels = truth.copy()
    pixels[hole] = 0
    filled = inpaint(pixels, hole, 0)[hole]
    assert abs(filled.mean() - truth[~hole].mean()) < 8
    assert filled.std() > 0.8 * truth[~hole].std()


def test_in_the_hole_are_pixels_from_outside():
    rng = np.random.default_rng(0)
    palette = rng.integers(0, 256, (40, 3)).astype(np.uint8)
    pixels, hole = palette[rng.integers(40, size=(200, 220))], hole_of((200, 220), 60, 60, 140, 150)
    pixels[hole] = 1
    known = {tuple(colour) for colour in palette}
    copied = [tuple(colour) in known for colour in inpaint(pixels, hole, 3)[hole]]
    assert np.mean(copied) > 0.95


def test_the_seed_is_what_it_starts_from():
    pixels, hole = noise((150, 150)), hole_of((150, 150), 40, 40, 110, 110)
    assert (inpaint(pixels, hole, 0) != inpaint(pixels, hole, 1)).any()
