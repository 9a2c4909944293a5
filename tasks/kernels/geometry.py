"""Which pixels of an image its square crop shows: resize by nearest neighbour, cut out the middle.

Source: Xiao et al. 2020, the released generator: ``Resize(256, NEAREST)`` and ``CenterCrop`` of
torchvision on a Pillow image. A crop is two vectors of indices, so one crop serves an image, its
mask and its background alike, and agrees with Pillow to the pixel.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

Box = tuple[int, int, int, int]
"""xmin, ymin, xmax, ymax: edges in pixels, ``xmin <= x < xmax``."""
Indices = npt.NDArray[np.intp]
S = TypeVar("S", bound=np.generic)


class Crop(NamedTuple):
    """The rows and columns of an image that a resized, cropped picture of it shows, in order."""

    rows: Indices
    columns: Indices


def resized_crop(height: int, width: int, short: int) -> Crop:
    """Resize to a short side of ``short`` pixels by nearest neighbour, without cropping."""
    scaled_height, scaled_width = _scaled(height, width, short)
    return Crop(_nearest(height, scaled_height), _nearest(width, scaled_width))


def central_crop(height: int, width: int, short: int, size: int) -> Crop:
    """Resize to a short side of ``short`` pixels, then cut out the middle ``size`` x ``size``.

    Raises:
        ValueError: ``size`` is larger than ``short``.
    """
    if size > short:
        raise ValueError(f"expected a crop of at most {short} pixels, got {size}")
    rows, columns = resized_crop(height, width, short)
    return Crop(rows[central_slice(len(rows), size)], columns[central_slice(len(columns), size)])


def central_slice(length: int, size: int) -> slice[int, int, None]:
    """Where the middle ``size`` of ``length`` pixels lie: as torchvision's ``CenterCrop`` rounds."""
    start = round((length - size) / 2)
    return slice(start, start + size)


def apply_crop(image: npt.NDArray[S], crop: Crop) -> npt.NDArray[S]:
    """The pixels of a crop.

    Args:
        image: ``(H, W, ...)``.
        crop: of an image of that size, showing R rows and C columns.

    Returns:
        ``(R, C, ...)``, a copy.
    """
    return image[crop.rows][:, crop.columns]


def filled_rectangle(box: Box) -> tuple[slice, slice]:
    """The rows and columns that filling a box covers: its last row and column are ``ymax`` and ``xmax``.

    The generator draws boxes with Pillow, which fills both corners: one row and one column more
    than the box's edges enclose (the image's own edge cuts them off).
    """
    xmin, ymin, xmax, ymax = box
    return slice(ymin, ymax + 1), slice(xmin, xmax + 1)


def visible_rectangle(box: Box, crop: Crop) -> tuple[slice[int, int, None], slice[int, int, None]]:
    """The rows and columns of a crop that lie in the filled rectangle of a box."""
    rows, columns = filled_rectangle(box)
    return _within(crop.rows, rows), _within(crop.columns, columns)


def visible_pixels(box: Box, crop: Crop) -> int:
    """How many pixels of a crop lie in the filled rectangle of a box."""
    rows, columns = visible_rectangle(box, crop)
    return (rows.stop - rows.start) * (columns.stop - columns.start)


def _scaled(height: int, width: int, short: int) -> tuple[int, int]:
    # As torchvision: the long side is cut down to whole pixels, not rounded.
    if height <= width:
        return short, int(short * width / height)
    return int(short * height / width), short


def _nearest(length: int, target: int) -> Indices:
    """Pillow's nearest neighbour: the centre of each new pixel, by repeated addition as it does."""
    if length == target:
        return np.arange(length)
    step = length / target
    centres = np.cumsum(np.concatenate([[step * 0.5], np.full(target - 1, step)]))
    return np.minimum(centres.astype(np.intp), length - 1)


def _within(indices: Indices, span: slice[Any, Any, Any]) -> slice[int, int, None]:
    # Indices never fall.
    start, stop = np.searchsorted(indices, [span.start, max(span.start, span.stop)])
    return slice(int(start), int(stop))
