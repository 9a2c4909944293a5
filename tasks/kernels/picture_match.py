"""Whether two pictures are one: the correlation of small grey pictures, mirrored or cropped too."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

SIDE: Final = 32
"""Of the pictures that are compared, pixels."""
COARSE: Final = (34, 36, 38, 40)
"""Sides that the whole is scaled to where the other may be a part of it: 94 to 80 % of a side."""
PROMISING: Final = 0.8
"""Correlation from which on a finer search nearby may find enough: other sides, and places of half a pixel."""
FLAT: Final = 1.0
"""Standard deviation of grey values up to which a picture is of one colour."""


class Likeness(NamedTuple):
    """How far two pictures are one.

    Attributes:
        correlation: of their grey values, -1 to 1; higher is more alike.
        mirrored: whether one is the mirror image of the other.
        cropped: whether one is a part of the other.
    """

    correlation: float
    mirrored: bool = False
    cropped: bool = False


def likeness(a: Grey, b: Grey, enough: float = 0.95) -> Likeness:
    """How far two pictures are one: whole; where that is not enough, one as a part of the other.

    Two pictures of one colour are alike where it is the same grey; one of them and any other picture are not.

    Args:
        a: ``(S, S) uint8``, a thumbnail; S larger than 32, so that parts of it can be compared.
        b: ``(S, S) uint8``.
        enough: correlation from which on no better one is looked for.
    """
    flat = [float(cv2.meanStdDev(picture)[1][0, 0]) <= FLAT for picture in (a, b)]
    if any(flat):
        both = all(flat)
        return Likeness(float(both and abs(float(a.mean()) - float(b.mean())) < 1))
    parts = {whole: _with_mirror(_scaled(part, SIDE)) for whole, part in ((True, b), (False, a))}

    def place(side: int, whole_is_a: bool, fine: bool = False) -> Likeness:
        """How far one is a part of the other, scaled to ``side``; the whole where that is the side of the part."""
        whole = _scaled(a if whole_is_a else b, side)
        shifted = _half_pixels(whole) if fine else (whole,)
        plain, mirrored = np.max([_best_place(one, parts[whole_is_a]) for one in shifted], axis=0)
        return Likeness(float(max(plain, mirrored)), bool(mirrored > plain), side > SIDE)

    best, nearby = place(SIDE, True), (SIDE, True)
    for side, whole_is_a in itertools.product(COARSE, (True, False)):
        if best.correlation >= enough:
            return best
        match = place(side, whole_is_a)
        if match.correlation > best.correlation:
            best, nearby = match, (side, whole_is_a)
    if best.correlation >= min(PROMISING, enough) and best.cropped:
        finer = (place(nearby[0] + change, nearby[1], fine=True) for change in (0, -1, 1))
        best = max(best, *finer, key=lambda match: match.correlation)
    return best


def _half_pixels(picture: Floats) -> Iterator[npt.NDArray[np.floating]]:
    """The picture, and the picture moved by half a pixel across, down, and both."""
    across = (picture[:, 1:] + picture[:, :-1]) / 2
    yield from (picture, across, (picture[1:] + picture[:-1]) / 2, (across[1:] + across[:-1]) / 2)


def _with_mirror(small: Floats) -> Floats:
    """A picture and its mirror image, each with mean 0 and length 1, ``(2, 1024)``."""
    flat = np.stack([small.ravel(), small[:, ::-1].ravel()]) - small.mean()
    return flat / np.linalg.norm(flat[0])


def _best_place(whole: npt.NDArray[np.floating], parts: Floats) -> tuple[float, float]:
    """Correlation of each part with the place of a picture where it fits best."""
    places = np.lib.stride_tricks.sliding_window_view(whole, (SIDE, SIDE)).reshape(-1, SIDE * SIDE)
    length = places.std(axis=1) * SIDE
    products = places @ parts.T / np.maximum(length, FLAT)[:, None]
    return min(1.0, float(products[:, 0].max())), min(1.0, float(products[:, 1].max()))


def _scaled(picture: Grey, side: int) -> Floats:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.float32)
