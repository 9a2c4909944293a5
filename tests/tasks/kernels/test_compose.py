"""Every pixel of every picture comes from where it should."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from reground.tasks.kernels.compose import (
    black_box,
    fade,
    only_foreground,
    paste,
    paste_all_but_black,
    without_foreground,
)

SHAPE = (6, 7)
PIXELS = arrays(np.uint8, (*SHAPE, 3))
MASKS = arrays(np.bool_, SHAPE)


@given(PIXELS, MASKS)
def test_foreground_and_the_rest_make_the_photograph(pixels, mask):
    inside, outside = only_foreground(pixels, mask), without_foreground(pixels, mask)
    assert inside.dtype == outside.dtype == np.uint8
    assert not inside[~mask].any()
    assert not outside[mask].any()
    np.testing.assert_array_equal(inside + outside, pixels)


@given(PIXELS, MASKS, PIXELS)
def test_the_mask_alone_says_what_is_foreground(pixels, mask, background):
    mixed = paste(pixels, mask, background)
    np.testing.assert_array_equal(mixed[mask], pixels[mask])
    np.testing.assert_array_equal(mixed[~mask], background[~mask])


def test_black_foreground_stays_black():
    black, white = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)
    mask = np.array([[True, False], [False, False]])
    np.testing.assert_array_equal(paste(black, mask, white)[..., 0], [[0, 255], [255, 255]])


@given(PIXELS, st.integers(0, 6), st.integers(0, 5), st.data())
def test_a_black_box_is_drawn_with_both_corners(pixels, xmin, ymin, data):
    box = (xmin, ymin, data.draw(st.integers(xmin + 1, 7)), data.draw(st.integers(ymin + 1, 6)))
    before, drawn = pixels.copy(), Image.fromarray(pixels)
    ImageDraw.Draw(drawn).rectangle(box, fill=(0, 0, 0))
    np.testing.assert_array_equal(black_box(pixels, box), np.asarray(drawn))
    np.testing.assert_array_equal(pixels, before)


@given(PIXELS, MASKS, PIXELS, st.floats(0.1, 8))
def test_a_faded_edge_shows_nothing_of_what_the_mask_leaves_out(pixels, mask, background, feather):
    mixed = paste(pixels, mask, background, feather)
    assert mixed.dtype == np.uint8
    np.testing.assert_array_equal(mixed[~mask], background[~mask])
    inside = np.stack([pixels[mask], background[mask]])
    assert ((inside.min(0) <= mixed[mask]) & (mixed[mask] <= inside.max(0))).all()


@given(PIXELS, MASKS, PIXELS)
def test_half_a_pixel_of_fading_is_a_hard_edge(pixels, mask, background):
    np.testing.assert_array_equal(paste(pixels, mask, background, 0.5), paste(pixels, mask, background))


def test_the_edge_fades_over_so_many_pixels():
    mask = np.zeros((9, 20), np.bool_)
    mask[:, 5:] = True  # goes on beyond the picture's border: no edge there
    opacity = fade(mask, 4)
    np.testing.assert_allclose(opacity[4], [0] * 5 + [0.125, 0.375, 0.625, 0.875] + [1] * 11)
    assert (opacity == opacity[4]).all()
    assert (fade(np.ones((3, 3), np.bool_), 4) == 1).all()


@given(PIXELS, MASKS, PIXELS)
def test_all_but_black_is_pasted(pixels, mask, background):
    foreground = only_foreground(pixels, mask)
    mixed = paste_all_but_black(foreground, background)
    black = (foreground.sum(-1, dtype=int) == 0)[..., None]
    np.testing.assert_array_equal(mixed, foreground * ~black + background * black)
