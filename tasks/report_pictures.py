"""Pictures for the report: small JPEGs as data URIs, so that the page is one file."""

from __future__ import annotations

import base64
import io

from PIL import Image

from tasks.errors import RegroundError
from tasks.images import decode_rgb, load_rgb

PHOTOGRAPH, VARIANT = 440, 144
"""Longest side of a photograph and of a variant on the page, pixels."""
QUALITY = 80


def photograph(uri: str) -> str:
    """A photograph as a data URI; empty if its file is gone or broken since it was indexed."""
    try:
        return data_uri(Image.fromarray(load_rgb(uri)), PHOTOGRAPH)
    except RegroundError:
        return ""


def variant(content: bytes) -> str:
    """An encoded variant as a data URI."""
    return data_uri(Image.fromarray(decode_rgb(content)), VARIANT)


def data_uri(image: Image.Image, longest: int) -> str:
    """A JPEG of at most ``longest`` pixels a side; the same pixels give the same bytes."""
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
