"""Hashes of pictures: which low frequencies are strong. Copies of a picture have hashes that differ in few bits.

Source: Zauner 2010, Implementation and benchmarking of perceptual image hash functions, section 3.2 (DCT hash); there
of 32 x 32 pixels, here of 48 x 48, whose 8 x 8 lowest frequencies are the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]

SIDE: Final = 48
"""Of a thumbnail, pixels."""
FREQUENCIES: Final = 8
"""Along each side; 64 bits in all."""
PART_SIDES: Final = (44, 41, 38)
"""Of parts, pixels of the thumbnail: 92, 85 and 79 % of a side."""


def thumbnail(grey: Grey) -> Grey:
    """The picture at 48 x 48 pixels, ``(48, 48) uint8``, whatever its aspect.

    Args:
        grey: ``(H, W) uint8``.
    """
    step = min(grey.shape) // (2 * SIDE)
    if step > 1:  # by a whole number first: that is fast
        height, width = (side // step for side in grey.shape)
        grey = np.asarray(
            cv2.resize(grey[: height * step, : width * step], (width, height), interpolation=cv2.INTER_AREA), np.uint8
        )
    return np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def dct_hashes(thumbnails: Grey) -> tuple[Hashes, Hashes]:
    """Hashes of pictures and of their mirror images, each ``(N,) uint64``.

    A bit says whether one of the 8 x 8 lowest frequencies is above their median, the mean left out.

    Args:
        thumbnails: ``(N, S, S)``, see `thumbnail`.
    """
    count, _, side = thumbnails.shape
    waves = _waves(side)
    # In two products of all rows at once: along x, then along y.
    along_x = (thumbnails.reshape(-1, side) @ waves.T).reshape(count, side, FREQUENCIES).transpose(0, 2, 1)
    low = (along_x.reshape(-1, side) @ waves.T).reshape(count, FREQUENCIES, FREQUENCIES).transpose(0, 2, 1)
    # Frequencies below a grey value are noise of the decoder: one colour has the hash 0, whatever its noise.
    low = np.rint(low)
    return _bits(low), _bits(low * np.where(np.arange(FREQUENCIES) % 2, -1, 1))


def hamming_distance(a: Hashes, b: Hashes) -> npt.NDArray[np.int64]:
    """Bits in which hashes differ, 0 to 64; the arrays broadcast.

    Examples:
        >>> hamming_distance(np.array([0b1011], np.uint64), np.array([0b0001, 0b1011], np.uint64)).tolist()
        [2, 0]
    """
    return np.bitwise_count(a ^ b).astype(np.int64)


def part_hashes(thumbnails: Grey) -> Iterator[Hashes]:
    """Hashes of the parts that pictures are likely to be cropped to, ``(N,) uint64`` for each of 27 parts.

    Args:
        thumbnails: ``(N, 48, 48)``, see `thumbnail`.
    """
    count = len(thumbnails)
    flat = thumbnails.reshape(-1, SIDE).astype(np.float32)
    for side in PART_SIDES:
        # The waves of one place, and 0 outside: one product for all three places along x, then one along y.
        waves = np.zeros((len(_places(side)), FREQUENCIES, SIDE), np.float32)
        for number, place in enumerate(_places(side)):
            waves[number, :, place : place + side] = _waves(side)
        waves = waves.reshape(-1, SIDE)
        along_x = (flat @ waves.T).reshape(count, SIDE, -1).transpose(0, 2, 1).reshape(-1, SIDE)
        low = np.rint(along_x @ waves.T).reshape(count, -1, FREQUENCIES, len(_places(side)), FREQUENCIES)
        for top, left in itertools.product(range(low.shape[3]), range(low.shape[1])):
            yield _bits(low[:, left, :, top].transpose(0, 2, 1))


def _places(side: int) -> list[int]:
    """The first, the middle and the last place of a part."""
    return [0, (SIDE - side) // 2, SIDE - side]


def _waves(side: int) -> Floats:
    """``(8, side)``: the lowest cosines of the DCT (type II, orthonormal)."""
    rows = np.arange(FREQUENCIES)[:, None] * (2 * np.arange(side) + 1) * np.pi / (2 * side)
    return np.cos(rows) * np.where(np.arange(FREQUENCIES), 2, 1)[:, None] ** 0.5 / side**0.5


def _bits(low: npt.NDArray[np.floating]) -> Hashes:
    flat = low.reshape(len(low), FREQUENCIES**2)
    middle = FREQUENCIES**2 // 2 - 1  # of 63: the median
    bits = flat > np.partition(flat[:, 1:], middle, axis=1)[:, middle : middle + 1]
    bits[:, 0] = False
    return np.packbits(bits, axis=1).view(">u8").ravel().astype(np.uint64)
