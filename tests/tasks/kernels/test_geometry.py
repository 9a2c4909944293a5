"""Crops against torchvision on Pillow images, boxes against Pillow's drawing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from torchvision import transforms

from reground.tasks.kernels.geometry import apply_crop, central_crop, resized_crop, visible_pixels

SIDES = st.integers(1, 600)


def coordinates(height: int, width: int) -> np.ndarray:
    """An image in which no two pixels are alike."""
    y, x = np.mgrid[:height, :width]
    return np.stack([y % 256, x % 256, (y // 256) * 16 + x // 256], -1).astype(np.uint8)


def published(short: int, size: int) -> transforms.Compose:
    nearest = transforms.InterpolationMode.NEAREST
    return transforms.Compose([transforms.Resize(short, nearest), transforms.CenterCrop(size)])


@given(SIDES, SIDES, st.integers(1, 300), st.data())
@settings(max_examples=150)
def test_a_crop_is_torchvisions_to_the_pixel(height, width, short, data):
    size = data.draw(st.integers(1, short))
    image = coordinates(height, width)
    theirs = np.asarray(published(short, size)(Image.fromarray(image)))
    np.testing.assert_array_equal(apply_crop(image, central_crop(height, width, short, size)), theirs)


@given(st.integers(30, 2000), st.integers(30, 2000))
@settings(max_examples=60)
def test_cutting_twice_is_cutting_once(height, width):
    once, at_256 = central_crop(height, width, 256, 224), central_crop(height, width, 256, 256)
    np.testing.assert_array_equal(once.rows, at_256.rows[16:-16])
    np.testing.assert_array_equal(once.columns, at_256.columns[16:-16])


@given(st.integers(20, 500), st.integers(20, 500), st.data())
@settings(max_examples=60)
def test_pixels_of_a_box_are_counted_as_the_generator_draws_them(height, width, data):
    xmin, ymin = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = (xmin, ymin, data.draw(st.integers(xmin + 1, width)), data.draw(st.integers(ymin + 1, height)))
    drawn = Image.new("L", (width, height))
    ImageDraw.Draw(drawn).rectangle(box, fill=255)
    inside = np.count_nonzero(published(256, 224)(drawn))
    whole = np.count_nonzero(transforms.Resize(256, transforms.InterpolationMode.NEAREST)(drawn))
    assert visible_pixels(box, central_crop(height, width, 256, 224)) == inside
    assert visible_pixels(box, resized_crop(height, width, 256)) == whole


def test_a_crop_larger_than_the_image_is_refused():
    with pytest.raises(ValueError, match="at most 10 pixels, got 11"):
        central_crop(20, 20, 10, 11)
