"""Whether two pictures are one: a hash of the low frequencies, and the correlation of small grey pictures.

The hash proposes, the correlation confirms; both see a mirrored picture as the same.

Source: Zauner 2010, Implementation and benchmarking of perceptual image hash functions, section 3.2 (DCT hash).
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Hashes = npt.NDArray[np.uint64]

SIDE: Final = 32
"""Of the small grey picture, pixels."""
BITS: Final = 8
"""Of the hash along each side; 64 in all."""


def thumbnail(pixels: Pixels) -> Floats:
    """The picture at 32 x 32 grey pixels, ``(32, 32) float32`` from 0 to 255.

    Args:
        pixels: ``(H, W, 3) uint8``, RGB.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)


def dct_hash(small: Floats) -> int:
    """64 bits: which of the 8 x 8 lowest frequencies are above their median, the mean left out.

    Args:
        small: ``(32, 32)``, see `thumbnail`.
    """
    low = np.asarray(cv2.dct(small), np.float32)[:BITS, :BITS].ravel()
    bits = low > np.median(low[1:])
    bits[0] = False
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def hamming_distance(a: Hashes, b: Hashes) -> npt.NDArray[np.int64]:
    """Bits in which hashes differ, 0 to 64; the arrays broadcast.

    Examples:
        >>> hamming_distance(np.array([0b1011], np.uint64), np.array([0b0001, 0b1011], np.uint64)).tolist()
        [2, 0]
    """
    return np.bitwise_count(a ^ b).astype(np.int64)


def similarity(a: Floats, b: Floats) -> float:
    """Correlation of two thumbnails, the better of b and its mirror, -1 to 1; higher is more alike.

    Two pictures of one value are alike; one of them and any other picture are not.

    Args:
        a: ``(32, 32)``, see `thumbnail`.
        b: ``(32, 32)``.
    """
    return max(_correlation(a, b), _correlation(a, b[:, ::-1]))


def similarity_to_crop(whole: Floats, crop: Floats, fractions: tuple[float, ...] = (0.8, 0.85, 0.9, 0.95)) -> float:
    """Correlation of a thumbnail with the part of another that fits it best, -1 to 1.

    Args:
        whole: ``(S, S)`` grey picture, larger than a thumbnail so that parts of it can be compared.
        crop: ``(32, 32)``, see `thumbnail`.
        fractions: sides of the parts tried, of the whole side; each is moved over the picture.
    """
    best = -1.0
    for fraction in fractions:
        side = round(SIDE / fraction)
        scaled = cv2.resize(whole, (side, side), interpolation=cv2.INTER_AREA)
        for template in (crop, np.ascontiguousarray(crop[:, ::-1])):
            if template.std() > 0:
                best = max(best, float(cv2.matchTemplate(scaled, template, cv2.TM_CCOEFF_NORMED).max()))
    return best


def _correlation(a: Floats, b: Floats) -> float:
    x, y = a - a.mean(), b - b.mean()
    lengths = float(np.linalg.norm(x)), float(np.linalg.norm(y))
    flat = [length < 1e-3 * SIDE for length in lengths]
    if any(flat):
        return float(all(flat) and abs(float(a.mean() - b.mean())) < 1)
    return float((x * y).sum()) / (lengths[0] * lengths[1])
