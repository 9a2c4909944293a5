"""Every kind of file a folder of images may hold, decoded right or refused with the right reason."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reground.tasks.errors import RegroundError
from reground.tasks.images.boxes import Box
from reground.tasks.images.decode import ImageError, decode, decode_rgb, load_rgb
from reground.tasks.images.photograph import DropError, Photograph
from reground.tasks.schema import ClassIdx, DropReason, ImageId
from tests.support.indexing import bomb

ORIENTATION = 0x0112


def encoded(image: Image.Image, format: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def noise(height: int = 24, width: int = 40) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


def quadrants(mode: str = "RGB") -> Image.Image:
    """Left top red, right top green, left bottom blue, right bottom white; 32 wide, 16 high."""
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:8, :16, 0] = pixels[:8, 16:, 1] = pixels[8:, :16, 2] = 255
    pixels[8:, 16:] = 255
    return Image.fromarray(pixels).convert(mode)


def reason(content: bytes, max_pixels: int | None = None) -> DropReason:
    with pytest.raises(ImageError) as caught:
        decode(content, max_pixels)
    assert caught.value.detail
    return caught.value.reason


def test_rgb_comes_back_byte_for_byte():
    picture = decode(encoded(Image.fromarray(noise())))
    assert np.array_equal(picture.pixels, noise())
    assert (picture.mode, picture.orientation, picture.size, picture.stored_size) == (
        "RGB",
        1,
        (40, 24),
        (40, 24),
    )


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(format: str):
    values = np.array([[0, 257, 32768, 65535, 128, 129]], np.uint16)
    pixels = decode_rgb(encoded(Image.fromarray(values), format))
    assert pixels[0].tolist() == [[v] * 3 for v in (0, 1, 128, 255, 0, 1)]


def test_sixteen_bit_pgm_and_colour_png_are_scaled():
    assert decode_rgb(b"P5 2 1 65535\n\x80\x00\xff\xff")[0, :, 0].tolist() == [128, 255]
    row = b"\0" + struct.pack(">6H", 0, 32768, 65535, 65535, 0, 257)
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(row)), (b"IEND", b""))
    )
    assert decode_rgb(content)[0].tolist() == [[0, 128, 255], [255, 0, 1]]


def test_pixels_without_an_agreed_range_are_refused():
    assert reason(encoded(Image.fromarray(np.array([[0.0, 1e6]], np.float32)), "TIFF")) == DropReason.NOT_AN_IMAGE
    assert reason(encoded(Image.fromarray(np.array([[0, 70000]], np.int32)), "TIFF")) == DropReason.NOT_AN_IMAGE


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_lies_on_white(mode: str):
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, :, 3] = (0, 128, 255)
    assert decode_rgb(encoded(Image.fromarray(pixels).convert(mode)))[0, :, 0].tolist() == [255, 127, 0]


def test_palette_transparent_and_opaque():
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    assert decode_rgb(encoded(image))[0].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    for transparency in (1, bytes([255, 0, 255])):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            pixels = decode_rgb(encoded(image, transparency=transparency))
        assert pixels[0].tolist() == [[255, 0, 0], [255, 255, 255], [0, 0, 255]]


def test_a_transparent_colour_of_a_grey_or_rgb_png():
    assert decode_rgb(encoded(Image.fromarray(np.array([[7, 9]], np.uint8)), transparency=7))[0, :, 0].tolist() == [
        255,
        9,
    ]
    rgb = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8))
    assert decode_rgb(encoded(rgb, transparency=(1, 2, 3)))[0].tolist() == [[255] * 3, [4, 5, 6]]


@pytest.mark.parametrize(("format", "options"), [("TIFF", {}), ("JPEG", {"quality": 100, "subsampling": 0})])
def test_cmyk_keeps_its_colours(format: str, options: dict):
    # Pillow writes CMYK into JPEG as Adobe does, inverted; read plainly it would be a negative.
    content = encoded(quadrants("CMYK"), format, **options)
    picture = decode(content)
    assert picture.mode == "CMYK"
    assert np.abs(picture.pixels.astype(int) - np.asarray(quadrants()).astype(int)).max() <= 6


@pytest.mark.parametrize("mode", ["L", "1"])
def test_grey_and_bilevel(mode: str):
    image = Image.fromarray(np.array([[0, 255]], np.uint8)).convert(mode)
    assert decode_rgb(encoded(image))[0].tolist() == [[0] * 3, [255] * 3]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(format: str, orientation: int):
    shown = np.asarray(quadrants())
    stored = {
        1: shown,
        2: shown[:, ::-1],
        3: shown[::-1, ::-1],
        4: shown[::-1],
        5: shown.transpose(1, 0, 2),
        6: np.rot90(shown, 1),
        7: shown[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(shown, -1),
    }[orientation]
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(format, {})
    picture = decode(encoded(Image.fromarray(np.ascontiguousarray(stored)), format, exif=exif, **options))
    assert np.abs(picture.pixels.astype(int) - shown.astype(int)).max() <= 6
    assert picture.orientation == orientation
    assert picture.size == (32, 16)
    assert picture.stored_size == stored.shape[1::-1]


def test_damaged_exif_does_not_cost_the_picture():
    content = encoded(quadrants(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\xff\xff rubbish")
    assert decode(content).orientation == 1


def test_animations_and_pages_are_refused():
    frames = [Image.fromarray(np.full((8, 8, 3), v, np.uint8)) for v in (0, 90, 200)]
    for format in ("GIF", "PNG", "WEBP", "TIFF"):
        content = encoded(frames[0], format, save_all=True, append_images=frames[1:])
        assert reason(content) == DropReason.ANIMATED, format
        assert decode(encoded(frames[0], format)).size == (8, 8)


def test_a_second_view_in_a_cameras_file_is_no_animation():
    frames = [Image.fromarray(noise()), Image.fromarray(noise()[::-1].copy())]
    content = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:])
    with Image.open(io.BytesIO(content)) as image:
        assert image.n_frames == 2
    assert decode(content).size == (40, 24)


def test_a_decompression_bomb_is_met_at_its_header(monkeypatch: pytest.MonkeyPatch):
    def never(*_):
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for size in ((20_000, 20_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)):
            assert reason(bomb(*size), 100_000_000) == DropReason.TOO_LARGE


def test_the_limit_itself_is_allowed():
    content = encoded(Image.fromarray(noise(10, 10)))
    assert decode(content, 100).size == (10, 10)
    assert reason(content, 99) == DropReason.TOO_LARGE


@pytest.mark.parametrize(
    "content",
    [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"hello", b"\0" * 64],
    ids=["svg", "eps", "text", "zeros"],
)
def test_what_is_not_an_image(content: bytes):
    assert reason(content) == DropReason.NOT_AN_IMAGE


def test_an_empty_file():
    assert reason(b"") == DropReason.EMPTY_FILE


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_truncation_is_named(format: str):
    content = encoded(Image.fromarray(noise(64, 64)), format)
    for share in (0.3, 0.6, 0.9):
        assert reason(content[: int(len(content) * share)]) == DropReason.TRUNCATED
    assert reason(content[:8]) == DropReason.TRUNCATED


@given(st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM"]), st.data())
def test_damage_is_decoded_or_refused_but_never_crashes(format: str, data: st.DataObject):
    content = bytearray(encoded(Image.fromarray(noise(16, 16)), format))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        pixels = decode(bytes(content), 10_000).pixels
    except ImageError:
        return
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3


def test_an_indexed_file_that_went_away_or_broke(tmp_path: Path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(Image.fromarray(noise())))
    assert np.array_equal(load_rgb(str(path)), noise())
    path.write_bytes(b"")
    with pytest.raises(RegroundError, match="reground index"):
        load_rgb(str(path))
    path.unlink()
    with pytest.raises(RegroundError, match=r"a\.png"):
        load_rgb(str(path))


def test_a_picture_that_does_not_fit_into_memory_is_too_large_and_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(Image.fromarray(noise())))
    photograph = Photograph(ImageId("a"), str(path), ClassIdx(0), 40, 24, Box(0, 0, 40, 24))

    def load(self: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "transpose", load)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(ImageError, match="too_large: it does not fit into the memory"):
        decode(path.read_bytes())
    with pytest.raises(ImageError, match=rf"too_large: {path}: it does not fit"):
        load_rgb(str(path))
    with pytest.raises(DropError, match=rf"too_large: {path}: it does not fit"):
        photograph.load()
