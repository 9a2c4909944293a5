"""Tiling against a generator of its own: Pillow, pasting tile after tile."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from reground.tasks.kernels.geometry import Crop, apply_crop, central_crop
from reground.tasks.kernels.tiling import largest_strip, tile_box


@st.composite
def boxes(draw) -> tuple[int, int, tuple[int, int, int, int]]:
    """Height, width and a box inside, often touching an edge or centred."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    xmin, ymin = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    xmax = draw(st.sampled_from([width, max(xmin + 1, width - xmin)]) | st.integers(xmin + 1, width))
    ymax = draw(st.sampled_from([height, max(ymin + 1, height - ymin)]) | st.integers(ymin + 1, height))
    return height, width, (xmin, ymin, xmax, ymax)


def whole(height: int, width: int) -> Crop:
    return Crop(np.arange(height), np.arange(width))


def by_pasting(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Only-BG-T with all strips written out, in the order in which ties are won."""
    width, height = image.size
    xmin, ymin, xmax, ymax = box
    strips = [
        ((0, ymax, width, height), width * (height - ymax)),
        ((0, 0, width, ymin), width * ymin),
        ((xmax, 0, width, height), height * (width - xmax)),
        ((0, 0, xmin, height), height * xmin),
    ]
    strip, _ = max(strips, key=lambda strip: strip[1])  # the first of equals
    tile = image.crop(strip)
    canvas = Image.new("RGB", image.size)
    for x in range(0, width, tile.width):
        for y in range(0, height, tile.height):
            canvas.paste(tile, (x, y))
    hole = Image.new("L", image.size)
    ImageDraw.Draw(hole).rectangle(box, fill=255)
    return Image.composite(canvas, image, hole)


@given(boxes(), st.integers(0, 99))
def test_tiles_are_pasted_from_the_corner(shape, seed):
    height, width, box = shape
    assume(box != (0, 0, width, height))
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    before = pixels.copy()
    expected = np.asarray(by_pasting(Image.fromarray(pixels), box))
    np.testing.assert_array_equal(tile_box(pixels, box, whole(height, width)), expected)
    crop = central_crop(height, width, 9, 7)
    np.testing.assert_array_equal(tile_box(pixels, box, crop), apply_crop(expected, crop))
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize(
    ("box", "strip"),
    [
        ((30, 40, 60, 60), (0, 60, 100, 100)),  # right (40 wide) ties bottom (40 high): bottom
        ((40, 20, 60, 80), (60, 0, 100, 100)),  # left ties right: right
        ((20, 40, 80, 60), (0, 60, 100, 100)),  # top ties bottom: bottom
        ((50, 40, 90, 60), (0, 0, 50, 100)),
        ((40, 50, 60, 90), (0, 0, 100, 50)),
    ],
)
def test_the_largest_strip(box, strip):
    assert largest_strip(100, 100, box) == strip


def test_a_box_that_fills_the_image_leaves_no_strip():
    assert largest_strip(10, 20, (0, 0, 20, 10)) is None
    with pytest.raises(ValueError, match="leaves no background"):
        tile_box(np.zeros((10, 20, 3), np.uint8), (0, 0, 20, 10), whole(10, 20))
