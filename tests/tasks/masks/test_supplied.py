"""Masks as PNG: every way to write one, and files that are none."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from reground.tasks.images import DropError
from reground.tasks.masks.supplied import read_png
from reground.tasks.schema import DropReason

HEIGHT, WIDTH = 12, 16


some_masks = arrays(np.bool_, (HEIGHT, WIDTH)).filter(np.any)


def png(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def palette(mask: np.ndarray, colours: list[tuple[int, int, int]], number: int = 1) -> Image.Image:
    image = Image.fromarray(np.where(mask, number, 0).astype(np.uint8), "P")
    image.putpalette([value for colour in colours for value in colour])
    return image


def cut_out(mask: np.ndarray) -> Image.Image:
    return Image.fromarray(
        np.dstack([np.full((*mask.shape, 3), 90, np.uint8), np.where(mask, 255, 0)]).astype(np.uint8)
    )


WRITERS = {
    "0 and 255": lambda mask: Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)),
    "0 and 1": lambda mask: Image.fromarray(mask.astype(np.uint8)),
    "one bit": lambda mask: Image.fromarray(mask),
    "smoothed": lambda mask: Image.fromarray(np.where(mask, 130, 125).astype(np.uint8)),
    "16 bits": lambda mask: Image.fromarray(np.where(mask, 65535, 0).astype(np.uint16)),
    "16 bits that hold 255": lambda mask: Image.fromarray(np.where(mask, 255, 0).astype(np.uint16)),
    "colour": lambda mask: Image.fromarray(np.where(mask[..., None], (128, 0, 0), 0).astype(np.uint8)),
    "grey in colour": lambda mask: Image.fromarray(np.where(mask[..., None], (255, 255, 255), 0).astype(np.uint8)),
    "palette": lambda mask: palette(mask, [(0, 0, 0), (128, 0, 0)]),
    "palette, white first": lambda mask: palette(~mask, [(255, 255, 255), (0, 0, 0)]),
    "alpha": cut_out,
    "grey with alpha": lambda mask: cut_out(mask).convert("LA"),
    "colour, nothing hidden": lambda mask: Image.fromarray(
        np.dstack([np.where(mask[..., None], (0, 128, 0), 0), np.full(mask.shape, 255)]).astype(np.uint8)
    ),
}


@pytest.mark.parametrize("how", WRITERS)
@given(mask=some_masks.filter(lambda mask: not mask.all()))
def test_every_way_to_write_a_mask(how, mask):
    np.testing.assert_array_equal(read_png(png(WRITERS[how](mask)), WIDTH, HEIGHT), mask)


def test_what_pascal_voc_left_open_is_background():
    image = palette(np.ones((HEIGHT, WIDTH), np.bool_), [(0, 0, 0), (128, 0, 0), (224, 224, 192)], 2)
    image.putpixel((3, 4), 1)
    assert np.argwhere(read_png(png(image), WIDTH, HEIGHT)).tolist() == [[4, 3]]


def refusal(content: bytes, width: int = WIDTH, height: int = HEIGHT) -> tuple[DropReason, str]:
    with pytest.raises(DropError) as caught:
        read_png(content, width, height)
    return caught.value.reason, caught.value.detail


def test_files_that_are_no_mask():
    good = png(Image.fromarray(np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH)).astype(np.uint8)))
    jpeg = io.BytesIO()
    Image.new("L", (WIDTH, HEIGHT)).save(jpeg, "JPEG")
    assert refusal(b"") == (DropReason.EMPTY_FILE, "a mask of 0 bytes")
    assert refusal(jpeg.getvalue())[0] == DropReason.NOT_AN_IMAGE
    assert refusal(b"<svg/>")[0] == DropReason.NOT_AN_IMAGE
    assert refusal(good[: len(good) // 2])[0] == DropReason.TRUNCATED
    assert refusal(good, HEIGHT, WIDTH) == (DropReason.MASK_SIZE_MISMATCH, "a mask of 16 x 12, its image is 12 x 16")
    dim = png(Image.fromarray(np.full((HEIGHT, WIDTH), 100, np.uint8)))
    assert refusal(dim)[0] == DropReason.MASK_FAILED
    assert "brightest pixel is 100, over 127 is needed" in refusal(dim)[1]


@given(st.binary(max_size=60), st.integers(0, 200), st.booleans())
def test_damage_costs_one_mask_at_most(noise, at, cut):
    good = png(Image.fromarray(np.random.default_rng(0).integers(0, 2, (HEIGHT, WIDTH)).astype(np.uint8)))
    spoiled = good[:at] + noise + (b"" if cut else good[at + len(noise) :])
    try:
        assert read_png(spoiled, WIDTH, HEIGHT).shape == (HEIGHT, WIDTH)
    except DropError as why:
        assert why.reason in set(DropReason) and why.detail
