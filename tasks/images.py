"""Decode an image file the one way this project does: Pillow, EXIF-rotated, 8-bit RGB."""

from __future__ import annotations

import io
from typing import Final

import fsspec
import numpy as np
from PIL import Image, ImageOps

DECODER: Final = f"pillow-{Image.__version__ if hasattr(Image, '__version__') else ''}"


def load_rgb(uri: str) -> np.ndarray:
    """The pixels of an indexed image, ``(H, W, 3) uint8`` RGB, as shown (after EXIF rotation)."""
    with fsspec.open(uri, "rb") as handle:
        return decode_rgb(handle.read())


def decode_rgb(content: bytes) -> np.ndarray:
    """As `load_rgb`, of bytes at hand."""
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
