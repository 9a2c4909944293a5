"""Pictures for the report: small JPEGs as data URIs, so that the page is one file."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from reground.tasks.images import ImageError, MissingImageError, decode_rgb, load_rgb
from reground.tasks.masks import decode_mask
from reground.tasks.report.variants import Quarantined

PHOTOGRAPH, VARIANT, MASKED = 440, 144, 220
"""Longest side of a photograph, of a variant and of a mask on the page, pixels."""
QUALITY = 80


def photograph(uri: str) -> str:
    """A photograph as a data URI; empty if its file is gone or broken since it was indexed, or memory is short."""
    try:
        return data_uri(Image.fromarray(load_rgb(uri)), PHOTOGRAPH)
    except (MissingImageError, ImageError, MemoryError):
        return ""


def masked(mask: Quarantined) -> str:
    """A photograph as a data URI, faded where its mask says background; empty as for `photograph`."""
    background = ~decode_mask(mask.rle, mask.height, mask.width)
    try:
        pixels = load_rgb(mask.uri)
        if pixels.shape[:2] == background.shape:
            pixels = np.where(background[..., None], 170 + pixels // 4, pixels).astype(np.uint8)
        return data_uri(Image.fromarray(pixels), MASKED)
    except (MissingImageError, ImageError, MemoryError):
        return ""


def variant(content: bytes) -> str:
    """An encoded variant as a data URI."""
    return data_uri(Image.fromarray(decode_rgb(content)), VARIANT)


def composite(pixels: npt.NDArray[np.uint8]) -> str:
    """A composite as a data URI."""
    return data_uri(Image.fromarray(pixels), VARIANT)


def data_uri(image: Image.Image, longest: int) -> str:
    """A JPEG of at most ``longest`` pixels a side; the same pixels give the same bytes."""
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
