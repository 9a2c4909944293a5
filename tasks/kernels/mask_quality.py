"""Quality of a mask without a reference, from the mask, the pixels and the box alone.

Six things that go wrong, each a share from 0 (it did) to 1 (it did not); the score is their
product, so that one failure is enough. *Reach* and *contrast* order masks; the others are 1 for
most masks and tell of failures that these two do not see. Measured against reference masks of
real photographs by ``python -m benchmarks.mask_quality``; the numbers are in docs/masks.md. Good
to sort by and to find the worst with; no measure of the outline.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from reground.tasks.kernels.geometry import Box

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Colours = npt.NDArray[np.int32]
"""``(H, W)``: the number of each pixel's colour, 0 to `COLOURS` - 1."""

MIN_AREA: Final = 0.2
"""Share of the box from which a mask is large enough; 19 of 20 reference masks fill 0.24 or more."""
MARGIN: Final = 0.3
"""Of the box's sides: how far around the box colours are looked at."""
VIEW_SIDE: Final = 160
"""Longest side in pixels of the view that colours are compared in: grain and artefacts are gone."""
BAND: Final = 0.05
"""Width of the bands along the outline, as a share of that side."""
COLOURS: Final = 8 * 16 * 16
"""Bins of L*, a* and b*."""

EXPLANATIONS: Final = {
    "area": "it covers too little of the box",
    "reach": "its largest piece stops short of the box",
    "unity": "it lies in pieces",
    "contact": "it runs along the edges of the box",
    "contrast": "the same colours lie inside and outside of its outline",
    "complement": "what it leaves out of the box looks less like the surroundings than it does",
}
"""What a low share means, by field of `Quality`."""


class Quality(NamedTuple):
    """Six shares, each 0 (failed) to 1.

    Attributes:
        area: of the box covered, up to `MIN_AREA`.
        reach: of the box, what the bounding box of the largest piece covers. A tight box fits its object.
        unity: of the mask, what the largest piece (8-connected) holds.
        contact: 1 where the mask keeps off the edges of the box, 0.5 where it runs all along them; edges
            that lie on the image's border do not count.
        contrast: of the colours just inside the outline, what is not just outside there.
        complement: falls from 1 to 0 where the rest of the box resembles the surroundings of the box
            less than the mask does: would it be the better foreground?
    """

    area: float
    reach: float
    unity: float
    contact: float
    contrast: float
    complement: float

    @property
    def score(self) -> float:
        """The product: 0 (not to be used) to 1."""
        return float(np.prod(self))

    def explanation(self) -> str:
        """The lowest share and what it means."""
        name = min(self._fields, key=lambda field: getattr(self, field))
        return f"{EXPLANATIONS[name]} ({name} {getattr(self, name):.2f})"


def mask_quality(pixels: Pixels, mask: Mask, box: Box) -> Quality:
    """Rate a mask.

    Args:
        pixels: ``(H, W, 3) uint8`` RGB.
        mask: ``(H, W) bool``, empty outside the box.
        box: edges in pixels, inside the image.

    Examples:
        >>> pixels = np.full((40, 40, 3), 60, np.uint8)
        >>> mask = np.zeros((40, 40), np.bool_)
        >>> mask[10:30, 10:30] = True
        >>> pixels[mask] = (200, 60, 40)  # a red square on grey
        >>> quality = mask_quality(pixels, mask, box=(8, 8, 32, 32))
        >>> [round(number, 2) for number in quality], round(quality.score, 2)
        ([1.0, 0.69, 1.0, 1.0, 1.0, 1.0], 0.69)
    """
    if not mask.any():
        return Quality(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    reach, unity = largest_piece(mask, box)
    colours, small, inside = _view(pixels, mask, box)
    return Quality(
        area=min(1.0, area(mask, box) / MIN_AREA),
        reach=reach,
        unity=unity,
        contact=1.0 - edge_contact(mask, box) / 2,
        contrast=outline_contrast(colours, small, inside),
        complement=complement_test(colours, small, inside),
    )


def area(mask: Mask, box: Box) -> float:
    """Of the box, what the mask covers.

    Examples:
        >>> mask = np.zeros((10, 10), np.bool_)
        >>> mask[2:6, 2:6] = True
        >>> area(mask, box=(0, 0, 8, 8))
        0.25
    """
    return int(mask.sum()) / _size(box)


def largest_piece(mask: Mask, box: Box) -> tuple[float, float]:
    """The share of the box that its bounding box covers, and its share of the mask; the mask is not empty.

    Examples:
        >>> mask = np.zeros((10, 10), np.bool_)
        >>> mask[0:4, 0:4], mask[8:10, 8:10] = True, True
        >>> largest_piece(mask, box=(0, 0, 10, 10))
        (0.16, 0.8)
    """
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    piece = stats[1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())]
    reach = int(piece[cv2.CC_STAT_WIDTH]) * int(piece[cv2.CC_STAT_HEIGHT]) / _size(box)
    return reach, int(piece[cv2.CC_STAT_AREA]) / int(mask.sum())


def edge_contact(mask: Mask, box: Box) -> float:
    """Of the box's edges that do not lie on the image's border, the share that the mask covers.

    Examples:
        >>> mask = np.zeros((10, 10), np.bool_)
        >>> mask[2:8, 2:5] = True
        >>> edge_contact(mask, box=(2, 2, 8, 8))
        0.5
    """
    height, width = mask.shape
    xmin, ymin, xmax, ymax = box
    inside = mask[ymin:ymax, xmin:xmax]
    edges = [
        edge
        for edge, inner in (
            (inside[0], ymin > 0),
            (inside[-1], ymax < height),
            (inside[:, 0], xmin > 0),
            (inside[:, -1], xmax < width),
        )
        if inner
    ]
    return float(np.concatenate(edges).mean()) if edges else 0.0


def outline_contrast(colours: Colours, mask: Mask, inside: Mask) -> float:
    """Of the colours in a band inside the outline, the share that the band outside does not have there.

    Looked at in the four quarters around the middle of the box, each weighted by its part of the
    inner band: what is the object's colour at one end may be the background's at the other. 0 where
    there is no outline at all.

    Args:
        colours: ``(H, W) int32`` of the box and what surrounds it.
        mask: ``(H, W) bool``.
        inside: ``(H, W) bool``: the box.

    Examples:
        >>> colours = np.zeros((10, 10), np.int32)
        >>> mask, inside = np.zeros((10, 10), np.bool_), np.zeros((10, 10), np.bool_)
        >>> mask[3:7, 3:7], inside[2:8, 2:8] = True, True
        >>> outline_contrast(colours, mask, inside)  # one colour everywhere
        0.0
        >>> colours[mask] = 5
        >>> outline_contrast(colours, mask, inside)
        1.0
    """
    width = max(1.0, BAND * max(mask.shape))
    inner, outer = (side & (_depth(side) <= width) for side in (mask, ~mask))
    total = weight = 0.0
    for quarter in _quarters(inside):
        inner_colours, outer_colours = colours[quarter][inner[quarter]], colours[quarter][outer[quarter]]
        if len(inner_colours) and len(outer_colours):
            total += len(inner_colours) * (1.0 - _shared(inner_colours, outer_colours))
            weight += len(inner_colours)
    return total / weight if weight else 0.0


def complement_test(colours: Colours, mask: Mask, inside: Mask) -> float:
    """1 if the rest of the box is at least as much like the surroundings as the mask is; less, down to 0, if not.

    Likeness is the share of colours in common. 1 too where there is nothing to compare: the mask
    fills the box, or the box the image.

    Args:
        colours: ``(H, W) int32`` of the box and what surrounds it.
        mask: ``(H, W) bool``.
        inside: ``(H, W) bool``: the box.

    Examples:
        >>> colours = np.zeros((10, 10), np.int32)
        >>> mask, inside = np.zeros((10, 10), np.bool_), np.zeros((10, 10), np.bool_)
        >>> mask[3:7, 3:7], inside[2:8, 2:8] = True, True
        >>> colours[inside & ~mask] = 5
        >>> complement_test(colours, mask, inside)  # the rest of the box is the other colour: inside out
        0.0
    """
    rest, surroundings = inside & ~mask, ~inside
    if not (mask.any() and rest.any() and surroundings.any()):
        return 1.0
    difference = _shared(colours[rest], colours[surroundings]) - _shared(colours[mask], colours[surroundings])
    return min(1.0, max(0.0, 1.0 + 4.0 * difference))


def colour_numbers(pixels: Pixels) -> Colours:
    """The bin of each pixel in L*a*b*: 8 of lightness, 16 of each colour axis.

    Examples:
        >>> colour_numbers(np.array([[[255, 255, 255], [255, 0, 0]]], np.uint8)).tolist()
        [[1928, 1244]]
    """
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).astype(np.int32)
    return (lab[..., 0] >> 5) << 8 | (lab[..., 1] >> 4) << 4 | lab[..., 2] >> 4


def _view(pixels: Pixels, mask: Mask, box: Box) -> tuple[Colours, Mask, Mask]:
    """The box and its surroundings, reduced: colours, mask, and which pixels are in the box."""
    height, width = mask.shape
    xmin, ymin, xmax, ymax = box
    margin_x, margin_y = round(MARGIN * (xmax - xmin)), round(MARGIN * (ymax - ymin))
    left, top = max(0, xmin - margin_x), max(0, ymin - margin_y)
    right, bottom = min(width, xmax + margin_x), min(height, ymax + margin_y)
    scale = min(1.0, VIEW_SIDE / max(right - left, bottom - top))
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    inside = np.zeros((bottom - top, right - left), np.float32)
    inside[ymin - top : ymax - top, xmin - left : xmax - left] = 1.0
    window = slice(top, bottom), slice(left, right)
    view = cv2.resize(pixels[window], size, interpolation=cv2.INTER_AREA)
    return (
        colour_numbers(view.astype(np.uint8, copy=False)),
        _reduce(mask[window].astype(np.float32), size),
        _reduce(inside, size),
    )


def _reduce(mask: npt.NDArray[np.float32], size: tuple[int, int]) -> Mask:
    shares = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    # A mask too thin to fill half of any pixel is where it fills most.
    return shares >= min(0.5, float(shares.max()))


def _quarters(inside: Mask) -> list[tuple[slice, slice]]:
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    y, x = (int(rows[0] + rows[-1] + 1) // 2, int(columns[0] + columns[-1] + 1) // 2)
    return [(margin_y, margin_x) for margin_y in (slice(y), slice(y, None)) for margin_x in (slice(x), slice(x, None))]


def _depth(mask: Mask) -> npt.NDArray[Any]:
    """Distance in pixels to the nearest pixel that is not in the mask; the image's border is no such pixel."""
    return cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)


def _shared(first: Colours, second: Colours) -> float:
    """Histogram intersection: the share of colours in common, 0 to 1."""
    counts = [np.bincount(numbers, minlength=COLOURS) / len(numbers) for numbers in (first, second)]
    return float(np.minimum(*counts).sum())


def _size(box: Box) -> int:
    xmin, ymin, xmax, ymax = box
    return (xmax - xmin) * (ymax - ymin)
