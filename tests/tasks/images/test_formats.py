"""Every supported format on its own: read under each of its suffixes, refused for the right reason."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from reground.tasks.images.decode import ImageError, decode
from reground.tasks.images.formats import CODECS, SUFFIXES, UNSUPPORTED_SUFFIXES, identify, supported_formats
from reground.tasks.schema import DropReason
from tests.support.indexing import DOG, index, photo, put, two_images


@pytest.fixture
def forgotten() -> Iterator[None]:
    """What is supported is looked up anew, before and after a test."""
    supported_formats.cache_clear()
    yield
    supported_formats.cache_clear()


def writable() -> list[str]:
    Image.init()
    return [name for name in CODECS if name in Image.SAVE]


def suffixes_of(name: str) -> list[str]:
    Image.init()
    return sorted(suffix for suffix in SUFFIXES if Image.registered_extensions().get(suffix) == name)


def refusal(content: bytes) -> tuple[DropReason, str]:
    with pytest.raises(ImageError) as caught:
        decode(content)
    return caught.value.reason, caught.value.detail


@pytest.mark.parametrize("name", writable())
def test_what_this_pillow_writes_is_read(name: str):
    content = photo(3, (40, 24), name)
    assert name in supported_formats()
    assert identify(content) == name
    picture = decode(content)
    assert picture.size == (40, 24)
    with Image.open(io.BytesIO(content)) as image:
        np.testing.assert_array_equal(picture.pixels, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("name", writable())
def test_every_suffix_of_a_format_is_indexed(tmp_path: Path, name: str):
    suffixes = suffixes_of(name)
    assert suffixes
    root = two_images(tmp_path)
    for suffix in suffixes:
        put(root / DOG / f"photo{suffix[1:]}{suffix.upper()}", photo(3, (40, 24), name))
    images, dropped = index(tmp_path, root)
    assert dropped == {}
    assert {f"photo{suffix[1:]}" for suffix in suffixes} <= set(images.index)


def test_every_suffix_is_that_of_a_supported_format():
    registered = Image.registered_extensions()
    assert {registered[suffix] for suffix in SUFFIXES} - {"MPO"} <= CODECS.keys()
    assert SUFFIXES.isdisjoint(UNSUPPORTED_SUFFIXES)


@pytest.mark.parametrize("missing", [name for name, codec in CODECS.items() if codec])
def test_a_library_that_is_missing_costs_its_own_format_alone(
    missing: str, monkeypatch: pytest.MonkeyPatch, forgotten: None
):
    check = features.check
    monkeypatch.setattr(features, "check", lambda feature: feature != CODECS[missing] and check(feature))
    reason, detail = refusal(photo(3, (40, 24), missing))
    assert reason == DropReason.FORMAT_UNSUPPORTED
    assert f"{missing}: Pillow needs the library {CODECS[missing]}" in detail
    for name in writable():
        if name != missing:
            assert decode(photo(3, (40, 24), name)).size == (40, 24)


def test_a_format_that_pillow_does_not_have_hides_no_other(monkeypatch: pytest.MonkeyPatch, forgotten: None):
    monkeypatch.setitem(CODECS, "NO SUCH FORMAT", "")
    for name in writable():
        assert decode(photo(3, (40, 24), name)).size == (40, 24)
    assert refusal(b"hello, this is a text")[0] == DropReason.NOT_AN_IMAGE


@pytest.mark.parametrize("name", writable())
def test_a_file_cut_in_its_header_is_named_by_its_reader(name: str):
    reason, detail = refusal(photo(3, (64, 64), name)[:20])
    assert reason == DropReason.TRUNCATED
    assert "KeyError" not in detail


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 80, "HEIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + b"\0" * 80, "HEIF"),
        (b"\xff\x0a" + b"\0" * 80, "JPEG XL"),
    ],
)
def test_formats_that_are_not_read_are_named(content: bytes, name: str):
    reason, detail = refusal(content)
    assert reason == DropReason.FORMAT_UNSUPPORTED
    assert detail.startswith(f"{name}: it is not read; convert it")


def test_a_kind_that_pillow_does_not_read_is_no_damage():
    jpeg = bytearray(photo(3, (40, 24), "JPEG"))
    jpeg[jpeg.index(b"\xff\xc0") + 4] = 12
    bitmap = bytearray(photo(3, (40, 24), "BMP"))
    bitmap[30] = 9
    for content, said in ((jpeg, "cannot handle 12-bit layers"), (bitmap, "Unsupported BMP compression")):
        reason, detail = refusal(bytes(content))
        assert reason == DropReason.FORMAT_UNSUPPORTED
        assert said in detail and "convert it to PNG or JPEG" in detail


def test_a_video_in_a_riff_is_no_damaged_webp():
    assert refusal(b"RIFF\0\0\0\0AVI LIST" + b"\0" * 80)[0] == DropReason.NOT_AN_IMAGE


@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_is_turned_upright(orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(photo(3, (40, 24), "AVIF", exif=exif))
    assert picture.orientation == orientation
    assert picture.size == ((24, 40) if orientation >= 5 else (40, 24))
