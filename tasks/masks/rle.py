"""Masks as COCO's compressed run lengths (column-major), through the library that defines them."""

from __future__ import annotations

import numpy as np
from pycocotools import mask as coco

from reground.tasks.errors import RegroundError


def encode_mask(mask: np.ndarray) -> str:
    """Run lengths of a mask, ``(H, W) bool``, as the column ``rle`` of ``masks`` has them."""
    return coco.encode(np.asfortranarray(mask, np.uint8))["counts"].decode("ascii")  # pyright: ignore[reportAttributeAccessIssue] - the stub says str, it is bytes


def decode_mask(rle: str, height: int, width: int) -> np.ndarray:
    """The mask of run lengths, ``(height, width) bool``.

    Raises:
        RegroundError: these are no run lengths of an image of that size.
    """
    try:
        mask = coco.decode({"size": [height, width], "counts": rle.encode("ascii")}).astype(bool)
        # The library leaves pixels that the runs do not reach as the memory happened to be.
        whole = encode_mask(mask) == rle
    except ValueError:
        whole = False
    if not whole:
        raise RegroundError(
            f"expected COCO run lengths of a mask of {width} x {height}, got '{rle[:40]}'. "
            "Make the masks again: `reground masks`."
        )
    return mask
