"""Masks as PNG: every way to write one, values that do not say what they are, and files that are none."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw, PngImagePlugin

from reground.tasks.images import DropError
from reground.tasks.masks.png import read_png
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


def drawn(scale: int, white: int = 255) -> Image.Image:
    """An ellipse whose edge is as soft as drawing it ``scale`` times as large makes it."""
    large = Image.new("L", (64 * scale, 48 * scale))
    ImageDraw.Draw(large).ellipse((10 * scale, 8 * scale, 40 * scale, 36 * scale), fill=255)
    values = np.asarray(large.resize((64, 48), Image.Resampling.BOX)).astype(np.uint16)
    return Image.fromarray((values.astype(np.uint32) * white // 255).astype(np.uint16 if white > 255 else np.uint8))


@pytest.mark.parametrize("white", [255, 65535])
def test_soft_edges_are_cut_in_the_middle(white: int):
    soft = drawn(8, white)
    np.testing.assert_array_equal(read_png(png(soft), 64, 48), np.asarray(soft) > white // 2)


def test_a_mask_that_was_a_jpeg():
    buffer = io.BytesIO()
    drawn(1).save(buffer, "JPEG", quality=90)
    noisy = Image.open(buffer)
    levels = np.unique(np.asarray(noisy))
    assert len(levels) > 10
    np.testing.assert_array_equal(read_png(png(noisy), 64, 48), np.asarray(noisy) > 127)


def label_map(*values: int) -> np.ndarray:
    """Stripes of equal width, one a value."""
    return np.repeat(np.array(values, np.uint8), 8)[None].repeat(HEIGHT, axis=0)


LABEL_MAPS = {
    "Oxford's trimap": (1, 2, 3),
    "classes of PASCAL VOC": (0, 15, 255),
    "several classes": (0, 7, 15, 20, 255),
    "Cityscapes": (*range(19), 255),
    "ADE20K": (0, 3, 5, 120, 140, 150),
    "COCO stuff": (0, 1, 95, 144, 157, 168, 181, 255),
    "a matting trimap": (0, 128, 255),
    "two greys": (125, 130),
    "one grey": (100,),
    "numbers of instances": (0, 1, 2),
}


@pytest.mark.parametrize("name", LABEL_MAPS)
def test_values_that_do_not_say_which_is_the_foreground(name: str):
    values = label_map(*LABEL_MAPS[name])
    reason, detail = refusal(png(Image.fromarray(values)), values.shape[1])
    assert reason == DropReason.MASK_AMBIGUOUS
    listing = ", ".join(map(str, sorted(LABEL_MAPS[name])[:6]))
    assert f"grey values {listing}" in detail and "give --foreground-value N" in detail


@pytest.mark.parametrize("name", LABEL_MAPS)
def test_the_value_that_is_set_is_the_foreground(name: str):
    values = label_map(*LABEL_MAPS[name])
    for value in (*LABEL_MAPS[name], 77):
        for image in (Image.fromarray(values), Image.fromarray(values).convert("RGB")):
            mask = read_png(png(image), values.shape[1], HEIGHT, value)
            np.testing.assert_array_equal(mask, values == value)


def test_the_index_into_a_palette_that_is_set():
    mask = np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) % 3 == 0
    image = palette(mask, [(0, 0, 0), (128, 0, 0), (9, 9, 9)], 2)
    np.testing.assert_array_equal(read_png(png(image), WIDTH, HEIGHT, 2), mask)
    np.testing.assert_array_equal(read_png(png(image), WIDTH, HEIGHT, 0), ~mask)


def test_the_value_of_16_bits_and_of_one():
    values = np.array([[0, 300, 65535]], np.uint16)
    assert read_png(png(Image.fromarray(values)), 3, 1, 300).tolist() == [[False, True, False]]
    assert read_png(png(Image.fromarray(np.array([[True, False]]))), 2, 1, 0).tolist() == [[False, True]]


def test_colours_have_no_value():
    with pytest.raises(DropError, match="a mask in colours has no value 3: leave") as caught:
        read_png(png(Image.new("RGB", (2, 1), (128, 0, 0))), 2, 1, 3)
    assert caught.value.reason == DropReason.MASK_AMBIGUOUS


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


def test_long_texts_and_profiles_are_no_damage():
    mask = np.eye(HEIGHT, WIDTH, dtype=np.bool_)
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "a" * 3_000_000, zip=True)
    for options in ({"pnginfo": text}, {"icc_profile": b"\0" * 5_000_000}):
        np.testing.assert_array_equal(read_png(png(Image.fromarray(mask), **options), WIDTH, HEIGHT), mask)


def test_a_mask_that_does_not_fit_into_memory_is_not_damaged(monkeypatch: pytest.MonkeyPatch):
    content = png(Image.new("L", (WIDTH, HEIGHT)))

    def load(_):
        raise MemoryError

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    with pytest.raises(MemoryError):
        read_png(content, WIDTH, HEIGHT)


@given(st.binary(max_size=60), st.integers(0, 200), st.booleans())
def test_damage_costs_one_mask_at_most(noise, at, cut):
    good = png(Image.fromarray(np.random.default_rng(0).integers(0, 2, (HEIGHT, WIDTH)).astype(np.uint8)))
    spoiled = good[:at] + noise + (b"" if cut else good[at + len(noise) :])
    try:
        assert read_png(spoiled, WIDTH, HEIGHT).shape == (HEIGHT, WIDTH)
    except DropError as why:
        assert why.reason in set(DropReason) and why.detail
