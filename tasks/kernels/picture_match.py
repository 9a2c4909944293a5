"""Whether two pictures are one: the correlation of small grey pictures, mirrored or cropped too."""

from __future__ import annotations

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
FINE: Final = (33, 34, 35, 36, 37, 38, 39, 40, 41)
"""Sides where one of those nearly fits; places of half a pixel are tried as well."""
PROMISING: Final = 0.8
"""Correlation from which on a finer search may find enough."""
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
    if min(a.std(), b.std()) <= FLAT:
        both = max(a.std(), b.std()) <= FLAT
        return Likeness(float(both and abs(float(a.mean()) - float(b.mean())) < 1))
    best = Likeness(-1.0)
    for fine in (False, True):
        for cropped, (plain, mirrored) in _correlations(a, b, fine):
            best = max(best, Likeness(plain, False, cropped), Likeness(mirrored, True, cropped), key=lambda one: one[0])
            if best.correlation >= enough:
                return best
        if best.correlation < min(PROMISING, enough):
            break
    return best


def _correlations(a: Grey, b: Grey, fine: bool) -> Iterator[tuple[bool, tuple[float, float]]]:
    """(cropped, (correlation, that with the mirror image)) of each way to lay one on the other."""
    small_a, small_b = (_with_mirror(_scaled(picture, SIDE)) for picture in (a, b))
    if not fine:
        yield False, _best_place(_scaled(a, SIDE), small_b)
    for side in FINE if fine else COARSE:
        for whole, part in ((_scaled(a, side), small_b), (_scaled(b, side), small_a)):
            yield True, _best_place(whole, part)
            if fine:
                across = (whole[:, 1:] + whole[:, :-1]) / 2
                yield True, _best_place(across, part)
                yield True, _best_place((whole[1:] + whole[:-1]) / 2, part)
                yield True, _best_place((across[1:] + across[:-1]) / 2, part)


def _with_mirror(small: Floats) -> Floats:
    """A picture and its mirror image, each with mean 0 and length 1, ``(2, 1024)``."""
    flat = np.stack([small.ravel(), small[:, ::-1].ravel()]) - small.mean()
    return flat / np.linalg.norm(flat[0])


def _best_place(whole: npt.NDArray[np.floating], parts: Floats) -> tuple[float, float]:
    """Correlation of each part with the place of a picture where it fits best."""
    places = np.lib.stride_tricks.sliding_window_view(whole, (SIDE, SIDE)).reshape(-1, SIDE * SIDE)
    length = places.std(axis=1) * SIDE
    products = places @ parts.T / np.maximum(length, FLAT)[:, None]
    return float(products[:, 0].max()), float(products[:, 1].max())


def _scaled(picture: Grey, side: int) -> Floats:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.float32)
