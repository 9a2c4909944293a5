"""The removed object's place filled from all around it, instead of by tiles.

Source: Telea 2004, as OpenCV has it.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def inpaint(pixels: Pixels, hole: Mask) -> Pixels:
    """An image with a hole filled; all other pixels as they were.

    Args:
        pixels: ``(H, W, 3) uint8``.
        hole: ``(H, W) bool``, not all of it.

    Returns:
        ``(H, W, 3) uint8``, a copy.
    """
    return np.asarray(cv2.inpaint(pixels, hole.view(np.uint8), 5, cv2.INPAINT_TELEA), np.uint8)
