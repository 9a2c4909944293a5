"""Decode an image file the one way this project does: Pillow, as shown, 8-bit RGB.

As shown: EXIF-rotated, and transparent pixels lie on white. 16 bits a channel are scaled to 8,
not clipped. CMYK is taken the way Adobe writes it into JPEG (inverted), as Pillow does. Colour
profiles are not applied: neither did the pipelines whose numbers we compare with.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import PIL
from PIL import ExifTags, Image

from reground.tasks.errors import RegroundError
from reground.tasks.schema import DropReason

DECODER: Final = f"pillow {PIL.__version__}"
FORMATS: Final = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "MPO", "AVIF", "JPEG2000")
"""What is decoded. The rest of what Pillow knows (PostScript, icons, video frames) is no photograph."""
# fmt: off
SUFFIXES: Final = frozenset((
    ".jpg", ".jpeg", ".jpe", ".mpo", ".png", ".gif", ".bmp", ".tif", ".tiff",
    ".webp", ".avif", ".jp2", ".ppm", ".pgm", ".pbm", ".pnm",
))
# fmt: on
WHITE: Final = (255, 255, 255, 255)

# What is wrong with a file is said once, by `ImageError`, with the file's name beside it.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# Pillow's own guard warns, then raises, at a limit that is not the user's; `decode` holds the
# header against theirs before a pixel is decoded.
Image.MAX_IMAGE_PIXELS = None

_SIGNATURES: Final = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF", b"\0\0\0\x0cjP  ")
_TRANSPOSE: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageError(Exception):
    """A file that is no usable image: why, as a reason of the ``dropped`` table, and in words."""

    def __init__(self, reason: DropReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class DecodedImage:
    """A decoded image.

    Attributes:
        pixels: ``(H, W, 3) uint8`` RGB, as shown.
        mode: Pillow's mode of the file.
        orientation: the EXIF orientation it had, 1 (upright) to 8.
    """

    pixels: np.ndarray
    mode: str
    orientation: int

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height in pixels, as shown."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height in pixels, as stored in the file (before rotation)."""
        width, height = self.shown_size
        return (height, width) if self.orientation >= 5 else (width, height)


def load_rgb(uri: str) -> np.ndarray:
    """The pixels of an indexed image, ``(H, W, 3) uint8`` RGB, as shown (after EXIF rotation).

    Raises:
        RegroundError: the file went away or broke since it was indexed.
    """
    try:
        return decode_rgb(Path(uri).read_bytes())
    except (OSError, ImageError) as error:
        raise RegroundError(
            f"expected an image at {uri}, where it lay when it was indexed; now: {error}. "
            "Put it back, or run `reground index` again."
        ) from error


def decode_rgb(content: bytes, max_pixels: int | None = None) -> np.ndarray:
    """The pixels of a file's bytes, ``(H, W, 3) uint8`` RGB, as shown.

    Raises:
        ImageError: as `decode`.
    """
    return decode(content, max_pixels).pixels


def decode(content: bytes, max_pixels: int | None = None) -> DecodedImage:
    """Decode a file's bytes, every pixel of them.

    Args:
        content: the whole file.
        max_pixels: refuse larger images before decoding them; None: whatever the size.

    Raises:
        ImageError: empty, not an image, over ``max_pixels``, animated, truncated or damaged.
    """
    with _open(content) as image:
        _check_header(image, max_pixels)
        mode, orientation = image.mode, _orientation(image)
        try:
            image.load()
            upright = _upright(image)
            pixels = np.asarray(_to_rgb(upright))
        except ImageError:
            raise
        except Exception as error:  # Pillow's decoders raise whatever they trip over
            raise ImageError(DropReason.TRUNCATED, f"cut short or damaged: {_words(error)}") from error
    return DecodedImage(pixels, mode, orientation)


def _open(content: bytes) -> Image.Image:
    if not content:
        raise ImageError(DropReason.EMPTY_FILE, "0 bytes")
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except Exception as error:  # as above: also ValueError, EOFError, zlib.error
        if content.startswith(_SIGNATURES):
            raise ImageError(
                DropReason.TRUNCATED, f"begins like an image, but its header is cut short or damaged: {_words(error)}"
            ) from error
        raise ImageError(
            DropReason.NOT_AN_IMAGE, f"{len(content):,} bytes in none of the formats {', '.join(FORMATS)}"
        ) from error


def _check_header(image: Image.Image, max_pixels: int | None) -> None:
    width, height = image.size
    if max_pixels is not None and width * height > max_pixels:
        detail = f"{width} x {height} = {width * height:,} pixels, over the limit of {max_pixels:,}"
        raise ImageError(DropReason.TOO_LARGE, detail)
    # The further pictures in a camera's MPO file are other views of the same photograph.
    frames = 1 if image.format == "MPO" else _frames(image)
    if frames > 1:
        raise ImageError(DropReason.ANIMATED, f"{frames} frames or pages")


def _frames(image: Image.Image) -> int:
    try:
        return getattr(image, "n_frames", 1)
    except Exception as error:  # counting walks the file, damage included
        raise ImageError(DropReason.TRUNCATED, f"cut short or damaged: {_words(error)}") from error


def _orientation(image: Image.Image) -> int:
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF is no reason to lose the picture
        return 1
    return found if found in _TRANSPOSE else 1


def _upright(image: Image.Image) -> Image.Image:
    # Asked again after loading: Pillow turns a TIFF upright by itself.
    method = _TRANSPOSE.get(_orientation(image))
    return image if method is None else image.transpose(method)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _from_deep_grey(image)
    if image.has_transparency_data:
        on_white = Image.new("RGBA", image.size, WHITE)
        on_white.alpha_composite(image.convert("RGBA"))
        return on_white.convert("RGB")
    return image.convert("RGB")


def _from_deep_grey(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if image.mode == "F" or (values.size and (values.min() < 0 or values.max() > 65535)):
        raise ImageError(
            DropReason.NOT_AN_IMAGE, f"pixels of 32 bits (mode {image.mode}) have no agreed black and white"
        )
    # 65535 = 255 x 257: rounds to the nearest of the 256 levels.
    grey = (values.astype(np.uint32) + 128) // 257
    return Image.fromarray(grey.astype(np.uint8)).convert("RGB")


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
