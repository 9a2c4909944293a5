"""Decode an image file the one way this project does: Pillow, EXIF-rotated, 8-bit RGB."""

from __future__ import annotations

import io
from typing import IO, Final, cast

import fsspec
import numpy as np
import PIL
from PIL import Image, ImageOps

DECODER: Final = f"pillow {PIL.__version__}"


def load_rgb(uri: str) -> np.ndarray:
    """The pixels of an indexed image, ``(H, W, 3) uint8`` RGB, as shown (after EXIF rotation)."""
    with fsspec.open(uri, "rb") as handle:
        return decode_rgb(cast(IO[bytes], handle).read())


def decode_rgb(content: bytes) -> np.ndarray:
    """As `load_rgb`, of bytes at hand."""
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
