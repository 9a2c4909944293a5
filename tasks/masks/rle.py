"""Masks as COCO's run lengths, column-major: numbers, or compressed as text.

Source of the compression: ``rleFrString`` and ``rleToString`` of pycocotools. The library is not given text from
files: it reads on where text ends in the middle of a number, and past the end of the memory that it took.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco

from reground.tasks.errors import RegroundError
from reground.tasks.text import shorten

_ZERO: Final = 48
"""Code of the character for zero; six bits follow."""
_BITS: Final = 5
"""Of a number in each character; one more says that the number goes on."""
_MAX_CHARACTERS: Final = 7
"""Of a number: 35 bits with its sign, more than the pixels of any image."""


def encode_mask(mask: np.ndarray) -> str:
    """Run lengths of a mask, ``(H, W) bool``, as the column ``rle`` of ``masks`` has them."""
    return coco.encode(np.asfortranarray(mask, np.uint8))["counts"].decode("ascii")  # pyright: ignore[reportAttributeAccessIssue] - the stub says str, it is bytes


def decode_mask(rle: str, height: int, width: int) -> npt.NDArray[np.bool_]:
    """The mask of compressed run lengths, ``(height, width) bool``.

    Raises:
        RegroundError: these are no run lengths of an image of that size.
    """
    try:
        return mask_of_runs(_run_lengths(rle), height, width)
    except ValueError as error:
        raise RegroundError(
            f"expected COCO run lengths of a mask of {width} x {height}, got '{shorten(rle, 40)}': {error}. "
            "Make the masks again: `reground masks`."
        ) from error


def mask_of_runs(runs: npt.NDArray[np.int64] | Sequence[int], height: int, width: int) -> npt.NDArray[np.bool_]:
    """The mask of run lengths, ``(height, width) bool``: background first, then foreground, and so on.

    Raises:
        ValueError: one is negative, or they are of another number of pixels.

    Examples:
        >>> mask_of_runs([1, 2, 1], height=2, width=2).tolist()
        [[False, True], [True, False]]
    """
    lengths = np.asarray(runs, np.int64)
    pixels = height * width
    if ((lengths < 0) | (lengths > pixels)).any():
        raise ValueError(f"expected run lengths from 0 to {pixels}")
    if lengths.sum() != pixels:
        raise ValueError(f"run lengths of {int(lengths.sum())} pixels, {width} x {height} has {pixels}")
    values = np.arange(len(lengths)) % 2 == 1
    return np.ascontiguousarray(np.repeat(values, lengths).reshape(width, height).T)


def _run_lengths(rle: str) -> npt.NDArray[np.int64]:
    """The numbers that a text stands for; from the fourth on it has the differences to the last but one."""
    codes = np.frombuffer(rle.encode("ascii"), np.uint8).astype(np.int64) - _ZERO
    if ((codes < 0) | (codes > 63)).any():
        raise ValueError("a character that none has")
    ends = np.flatnonzero(codes < 32)
    starts = np.concatenate([[0], ends + 1])
    if starts[-1] != len(codes):
        raise ValueError("it ends in the middle of a number")
    starts = starts[:-1]
    sizes = ends + 1 - starts
    if sizes.max(initial=0) > _MAX_CHARACTERS:
        raise ValueError("a number too large")
    shifts = _BITS * (np.arange(len(codes)) - np.repeat(starts, sizes))
    runs = np.add.reduceat((codes & 31) << shifts, starts) if len(starts) else np.zeros(0, np.int64)
    runs -= ((codes[ends] & 16) > 0) * (np.int64(1) << (_BITS * sizes))
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return runs
