"""Types of values that have fields of their own: boxes and images."""

from __future__ import annotations

from typing import TypedDict


class BoxDict(TypedDict):
    """A box in pixels: it covers ``xmin <= x < xmax``, ``ymin <= y < ymax``."""

    xmin: int
    ymin: int
    xmax: int
    ymax: int


class ImageDict(TypedDict):
    """An encoded image and its file name: the Hugging Face image layout."""

    bytes: bytes
    path: str
