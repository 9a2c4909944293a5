"""Only-BG-T: the box filled with tiles of the largest strip of background beside it.

Source: Xiao et al. 2020, the released generator (``get_bg_tiled``, ``combine``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reground.tasks.kernels.geometry import Box, Crop, apply_crop, visible_rectangle

Pixels = npt.NDArray[np.uint8]


def largest_strip(height: int, width: int, box: Box) -> Box | None:
    """The largest of the four strips of full height or width beside a box; None if the box leaves none.

    Left or right wins over top or bottom only if strictly larger. Where left equals right the
    right one is taken; where top equals bottom, the bottom one.
    """
    xmin, ymin, xmax, ymax = box
    left, right, top, bottom = xmin, width - xmax, ymin, height - ymax
    side_area, top_area = max(left, right) * height, max(top, bottom) * width
    if max(side_area, top_area) <= 0:
        return None
    if side_area > top_area:
        return (0, 0, xmin, height) if left > right else (xmax, 0, width, height)
    return (0, 0, width, ymin) if top > bottom else (0, ymax, width, height)


def tile_box(pixels: Pixels, box: Box, crop: Crop) -> Pixels:
    """What a crop shows of an image whose box is filled by tiles; all other pixels are as they were.

    The strip is repeated from the image's corner (0, 0) over all of it, and only the box is
    taken from there: tiles do not start at the box.

    Args:
        pixels: ``(H, W, 3) uint8``.
        box: edges in pixels, inside the image.
        crop: of the image, R rows and C columns.

    Returns:
        ``(R, C, 3) uint8``, a copy.

    Raises:
        ValueError: the box leaves no strip.
    """
    height, width = pixels.shape[:2]
    strip = largest_strip(height, width, box)
    if strip is None:
        raise ValueError(f"the box {box} leaves no background in an image of {width} x {height}")
    xmin, ymin, xmax, ymax = strip
    rows, columns = visible_rectangle(box, crop)
    source_rows = ymin + crop.rows[rows] % (ymax - ymin)
    source_columns = xmin + crop.columns[columns] % (xmax - xmin)
    result = apply_crop(pixels, crop)
    result[rows, columns] = pixels[source_rows[:, None], source_columns]
    return result
