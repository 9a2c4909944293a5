"""Decode image files to upright 8-bit RGB with Pillow. All steps decode with this module.

The EXIF rotation is applied, and transparent pixels are composited on white. Channels of 16 bits are
scaled to 8 bits, not clipped. CMYK in JPEG is read as Adobe writes it (inverted), as Pillow does. Colour
profiles are ignored, as in the published pipelines.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import PIL
from PIL import ExifTags, Image, UnidentifiedImageError

from reground.tasks.errors import RegroundError
from reground.tasks.images.formats import CODECS, begins_like_an_image, identify, reader_error, supported_formats
from reground.tasks.images.png import without_texts
from reground.tasks.schema import DropReason
from reground.tasks.storage import read_uri

DECODER: Final = f"pillow {PIL.__version__}"
MAX_PIXELS: Final = 100_000_000
"""Default limit of a picture, and the limit of what preprocessing makes of one: 300 MB of RGB."""
WHITE: Final = (255, 255, 255, 255)

# `ImageError` reports the same problems, and its callers add the file name.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# Pillow's own limit is fixed; `decode` checks the header against the user's limit before it decodes pixels.
Image.MAX_IMAGE_PIXELS = None

_TRANSPOSE: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_UNSUPPORTED: Final = re.compile(
    r"unknown (pixel mode|data organization)|cannot handle \d+-|unsupported|not (yet )?supported|"
    r"unable to determine J2K image mode",
    re.IGNORECASE,
)
"""What Pillow says of whole files: floating-point TIFF, JPEG of 12 bits, compressions that it lacks."""


class ImageError(RegroundError):
    """An image file that cannot be used: a reason code of the table ``dropped`` and a message."""

    def __init__(self, reason: DropReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class MissingImageError(RegroundError):
    """An indexed image that has been removed, replaced or damaged since."""


@dataclass(frozen=True)
class DecodedImage:
    """A decoded image.

    Attributes:
        image: RGB, upright, without the file's metadata.
        mode: Pillow's mode of the file.
        orientation: EXIF orientation of the file, 1 (upright) to 8.
    """

    image: Image.Image
    mode: str
    orientation: int

    @property
    def pixels(self) -> np.ndarray:
        """A copy of the pixels, ``(H, W, 3) uint8`` RGB, upright.

        Raises:
            ImageError: it does not fit into memory (`DropReason.TOO_LARGE`).
        """
        try:
            return np.asarray(self.image)
        except MemoryError as error:
            raise _too_large() from error

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, after EXIF rotation."""
        return self.image.size

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height in pixels, before EXIF rotation."""
        width, height = self.size
        return (height, width) if self.orientation >= 5 else (width, height)


def load_rgb(uri: str, sha256: str = "") -> np.ndarray:
    """Load the pixels of an indexed image, ``(H, W, 3) uint8`` RGB, upright.

    Args:
        uri: of the file.
        sha256: of its content when it was indexed; empty: any content will do.

    Raises:
        ImageError: it does not fit into memory (`DropReason.TOO_LARGE`).
        MissingImageError: the file has been removed, replaced or damaged since it was indexed.
        RegroundError: the object store that it is in cannot be reached.
    """
    with _name_file(uri):
        return decode_rgb(_read_indexed(uri, sha256))


def load_image(uri: str, sha256: str = "") -> Image.Image:
    """As `load_rgb`, as an image of Pillow's; the file's metadata stay behind."""
    with _name_file(uri):
        return decode(_read_indexed(uri, sha256)).image


def decode_rgb(content: bytes, max_pixels: int | None = None) -> np.ndarray:
    """Decode a file's bytes to pixels, ``(H, W, 3) uint8`` RGB, upright.

    Raises:
        ImageError: see `decode`.
    """
    return decode(content, max_pixels).pixels


def decode(content: bytes, max_pixels: int | None = None) -> DecodedImage:
    """Decode a file's bytes completely, so that a damaged end is detected.

    Args:
        content: the whole file.
        max_pixels: reject larger images before decoding; None: no limit.

    Raises:
        ImageError: the file is empty, not an image, in a format that is not read, larger than ``max_pixels``,
            animated, truncated or damaged.
    """
    if not content:
        raise ImageError(DropReason.EMPTY_FILE, "0 bytes")
    name = _format(content)
    try:
        return _decode(name, content, max_pixels)
    except ValueError as error:  # a limit of Pillow's, of texts and colour profiles
        pixels_only = without_texts(content)
        if len(pixels_only) == len(content):
            raise _damaged(error) from error
    return decode(pixels_only, max_pixels)


def check_size(width: int, height: int, max_pixels: int = MAX_PIXELS) -> None:
    """Check the size of a picture before memory is taken for it.

    Raises:
        ImageError: it has more pixels.
    """
    if width * height > max_pixels:
        detail = f"{width} x {height} = {width * height:,} pixels, over the limit of {max_pixels:,}"
        raise ImageError(DropReason.TOO_LARGE, detail)


@contextlib.contextmanager
def _name_file(uri: str) -> Iterator[None]:
    """Name the file of an indexed image in what is raised."""
    try:
        yield
    except MemoryError as error:
        raise ImageError(DropReason.TOO_LARGE, f"{uri} does not fit into the memory of this machine") from error
    except (OSError, ImageError) as error:
        if isinstance(error, ImageError) and error.reason == DropReason.TOO_LARGE:
            raise ImageError(error.reason, f"{uri}: {error.detail}") from error
        raise MissingImageError(
            f"expected the indexed image at {uri}: {error}. Restore the file, or run `reground index` again."
        ) from error


def _read_indexed(uri: str, sha256: str) -> bytes:
    content = read_uri(uri)
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise MissingImageError(
            f"expected {uri} as it was indexed, but its content has changed. "
            "Restore the file, or run `reground index` again."
        )
    return content


def _decode(name: str, content: bytes, max_pixels: int | None) -> DecodedImage:
    """Decode a file in one format. A ValueError is not always damage; everything else that Pillow raises is."""
    try:
        with _open(name, content) as image:
            _check_header(image, max_pixels)
            mode, orientation = image.mode, _orientation(image)
            image.load()
            upright = _upright(image)
            rgb = _to_rgb(upright)
            rgb.info.clear()
            return DecodedImage(rgb, mode, orientation)
    except (ImageError, ValueError):
        raise
    except MemoryError as error:
        raise _too_large() from error
    except Exception as error:  # Pillow's decoders raise exceptions of many types
        raise _damaged(error) from error


def _format(content: bytes) -> str:
    """The format of a file that this Pillow can decode."""
    name = identify(content)
    if name in supported_formats():
        return name
    if name:
        installed = f"Pillow needs the library {CODECS[name]} for it" if name in CODECS else "it is not read"
        raise ImageError(DropReason.FORMAT_UNSUPPORTED, f"{name}: {installed}; convert it to PNG or JPEG")
    if begins_like_an_image(content):
        raise ImageError(DropReason.TRUNCATED, f"truncated: {len(content)} bytes")
    formats = ", ".join(supported_formats())
    raise ImageError(DropReason.NOT_AN_IMAGE, f"{len(content):,} bytes, in none of the formats {formats}")


def _open(name: str, content: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(content), formats=(name,))
    except UnidentifiedImageError as error:
        raise reader_error(name, content) or error from error


def _too_large() -> ImageError:
    return ImageError(DropReason.TOO_LARGE, "it does not fit into the memory of this machine")


def _damaged(error: Exception) -> ImageError:
    if _UNSUPPORTED.search(str(error)):
        detail = f"of a kind that Pillow does not read ({error}): convert it to PNG or JPEG, 8 bits a channel"
        return ImageError(DropReason.FORMAT_UNSUPPORTED, detail)
    return ImageError(DropReason.TRUNCATED, f"truncated or damaged: {_describe(error)}")


def _check_header(image: Image.Image, max_pixels: int | None) -> None:
    if max_pixels is not None:
        check_size(*image.size, max_pixels)
    # The additional frames of an MPO file are other views of the same photograph.
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > 1:
        raise ImageError(DropReason.ANIMATED, f"{frames} frames or pages")


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # an image with damaged EXIF is still usable
        return 1
    return value if value in _TRANSPOSE else 1


def _upright(image: Image.Image) -> Image.Image:
    # Read again after loading, because Pillow rotates TIFF images itself.
    method = _TRANSPOSE.get(_orientation(image))
    return image if method is None else image.transpose(method)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _from_16_bit_grey(image)
    if image.has_transparency_data:
        canvas = Image.new("RGBA", image.size, WHITE)
        canvas.alpha_composite(image.convert("RGBA"))
        return canvas.convert("RGB")
    return image.convert("RGB")


def _from_16_bit_grey(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if image.mode == "F" or (values.size and (values.min() < 0 or values.max() > 65535)):
        raise ImageError(DropReason.NOT_AN_IMAGE, f"32-bit pixels (mode {image.mode}) have no standard black and white")
    # 65535 = 255 x 257, so this rounds to the nearest of 256 levels.
    grey = (values.astype(np.uint32) + 128) // 257
    return Image.fromarray(grey.astype(np.uint8)).convert("RGB")


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
