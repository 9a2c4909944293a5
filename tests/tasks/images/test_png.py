"""PNG files with long texts and colour profiles, which are no part of the picture."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from reground.tasks.images.decode import ImageError, decode
from reground.tasks.images.png import SIGNATURE, without_texts
from reground.tasks.schema import DropReason

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 20, 3)).astype(np.uint8)


def png(**options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "PNG", **options)
    return buffer.getvalue()


def texts(*sizes: int, kind: str = "text", zip: bool = False) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for number, size in enumerate(sizes):
        (info.add_text if kind == "text" else info.add_itxt)(f"Comment {number}", "a" * size, zip=zip)
    return info


def chunk(kind: bytes, body: bytes, checksum: int | None = None) -> bytes:
    checksum = zlib.crc32(kind + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def inserted(content: bytes, new: bytes) -> bytes:
    """The file with a chunk after its header."""
    start = len(SIGNATURE) + 25
    return content[:start] + new + content[start:]


PROFILES = {
    "that does not compress": np.random.default_rng(1).bytes(3_000_000),
    "that compresses well": b"\0" * 3_000_000,
}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_large_profile_is_no_damage(profile: str):
    np.testing.assert_array_equal(decode(png(icc_profile=PROFILES[profile])).pixels, PIXELS)


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF", "TIFF"])
def test_a_large_profile_in_another_format(format: str):
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, format, icc_profile=PROFILES["that does not compress"])
    assert decode(buffer.getvalue()).size == (20, 12)


@pytest.mark.parametrize("kind", ["text", "itxt"])
@pytest.mark.parametrize("zip", [False, True])
@pytest.mark.parametrize("sizes", [(1_500_000,), (1_000_000,) * 70])
def test_long_texts_are_no_damage(kind: str, zip: bool, sizes: tuple[int, ...]):
    np.testing.assert_array_equal(decode(png(pnginfo=texts(*sizes, kind=kind, zip=zip))).pixels, PIXELS)


def test_texts_after_the_pixels():
    content = png()
    long = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 2_000_000))
    np.testing.assert_array_equal(decode(content[:-12] + long + content[-12:]).pixels, PIXELS)


def test_the_orientation_in_a_text_survives_a_long_text_beside_it():
    exif = Image.Exif()
    exif[0x0112] = 6
    hexadecimal = exif.tobytes().hex()
    raw = f"\nexif\n{len(exif.tobytes()):8}\n{hexadecimal}\n".encode()
    content = inserted(png(), chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw)))
    assert decode(content).orientation == 6
    crowded = inserted(content, chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 2_000_000)))
    assert decode(crowded).orientation == 6


@pytest.mark.parametrize("size", [100, 2_000_000])
def test_a_damaged_text_is_named(size: int):
    damaged = inserted(png(), chunk(b"tEXt", b"Comment\0" + b"a" * size, checksum=1))
    long = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 2_000_000))
    for content in (damaged, inserted(damaged, long)):
        with pytest.raises(ImageError, match=r"checksum.*tEXt") as caught:
            decode(content)
        assert caught.value.reason == DropReason.TRUNCATED


def test_a_file_cut_after_long_texts_is_truncated():
    with pytest.raises(ImageError) as caught:
        decode(png(pnginfo=texts(1_500_000, zip=True))[:-40])
    assert caught.value.reason == DropReason.TRUNCATED


@given(st.binary(max_size=60), st.booleans())
def test_whatever_follows_the_signature_is_kept_or_a_text(content: bytes, is_png: bool):
    whole = (SIGNATURE if is_png else b"") + content
    assert without_texts(whole) == whole
