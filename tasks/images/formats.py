"""Image formats: which are read, by which suffixes they are known, and which this Pillow can decode."""

from __future__ import annotations

import functools
import io
from typing import Final

from PIL import Image, features

CODECS: Final = {
    "JPEG": "jpg",
    "PNG": "zlib",
    "GIF": "",
    "BMP": "",
    "TIFF": "",
    "WEBP": "webp",
    "PPM": "",
    "AVIF": "avif",
    "JPEG2000": "jpg_2000",
}
"""Pillow's name of a format -> the library it needs, in `PIL.features`; empty: Pillow alone. A camera's MPO is JPEG.

Pillow's other formats (PostScript, icons, video frames) do not contain photographs.
"""
# fmt: off
SUFFIXES: Final = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".bmp", ".tif", ".tiff", ".webp",
    ".avif", ".avifs", ".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc", ".ppm", ".pgm", ".pbm", ".pnm",
))
"""Of the formats that are read, in lower case."""
UNSUPPORTED_SUFFIXES: Final = frozenset((
    ".heic", ".heif", ".hif", ".jxl", ".svg", ".svgz", ".psd", ".xcf", ".eps", ".exr", ".hdr", ".tga", ".ico", ".pcx",
    ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".raw", ".dib", ".pfm",
))
"""Of images in formats that are not read. Files of all other suffixes do not claim to be images."""
# fmt: on
_SIGNATURES: Final = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF", b"\0\0\0\x0cjP  ")
_PREFIX: Final = 16
"""Bytes that a format is recognized by."""
_HEIF_BRANDS: Final = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_JPEG_XL: Final = (b"\xff\x0a", b"\0\0\0\x0cJXL ")


@functools.cache
def supported_formats() -> tuple[str, ...]:
    """The formats that this Pillow can decode; each is checked on its own."""
    Image.init()
    return tuple(name for name, codec in CODECS.items() if name in Image.OPEN and (not codec or features.check(codec)))


def identify(content: bytes) -> str:
    """The format of a file by its first bytes, as in `CODECS`, ``HEIF`` or ``JPEG XL``; empty: none of these."""
    if content.startswith(_JPEG_XL):
        return "JPEG XL"
    if content[4:8] == b"ftyp" and content[8:12] in _HEIF_BRANDS and b"avif" not in content[12:64]:
        return "HEIF"
    Image.init()
    return next((name for name in CODECS if name in Image.OPEN and _accepts(name, content[:_PREFIX])), "")


def begins_like_an_image(content: bytes) -> bool:
    """Whether a file that is too short to be identified begins as those of the formats do."""
    return len(content) < _PREFIX and content.startswith(_SIGNATURES)


def reader_error(name: str, content: bytes) -> Exception | None:
    """The exception by which a format's reader refuses a file; `PIL.Image.open` does not tell it."""
    factory, _ = Image.OPEN[name]
    try:
        with factory(io.BytesIO(content), ""):
            return None
    except Exception as error:  # Pillow's readers raise exceptions of many types
        return error


def _accepts(name: str, prefix: bytes) -> bool:
    _, accept = Image.OPEN[name]
    # A reader without its library answers with a sentence that says so.
    return accept is None or bool(accept(prefix))
