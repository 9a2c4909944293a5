"""Foreground from a box by GrabCut.

Source: Rother, Kolmogorov, Blake 2004, as OpenCV has it; used as in the released generator of
Xiao et al. 2020 (``get_fg_mask``): RGB at native size, from the box, no clean-up of the mask.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from reground.tasks.kernels.geometry import Box
from reground.tasks.memory import is_out_of_memory

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


class SegmentationError(ValueError):
    """GrabCut could not tell foreground from background."""


def grabcut(pixels: Pixels, box: Box, iterations: int, seed: int) -> Mask:
    """The foreground in a box; every pixel outside the box is background.

    OpenCV's generator belongs to the thread, and is seeded here: the mask depends on the
    arguments alone, whatever other threads do.

    Args:
        pixels: ``(H, W, 3) uint8`` RGB.
        box: edges in pixels, inside the image.
        iterations: rounds of model fitting and cutting.
        seed: of the k-means start, 0 to 2**31 - 1.

    Returns:
        ``(H, W) bool``.

    Raises:
        SegmentationError: the box is empty, leaves the image or fills it.
        MemoryError: the image does not fit into memory.
    """
    height, width = pixels.shape[:2]
    xmin, ymin, xmax, ymax = box
    if not (0 <= xmin < xmax <= width and 0 <= ymin < ymax <= height):
        raise SegmentationError(f"expected a box inside {width} x {height}, got {tuple(box)}")
    cv2.setRNGSeed(seed)
    labels = np.zeros((height, width), np.uint8)
    rect = (xmin, ymin, xmax - xmin, ymax - ymin)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    try:
        cv2.grabCut(pixels, labels, rect, background, foreground, iterations, cv2.GC_INIT_WITH_RECT)
    except cv2.error as error:
        if is_out_of_memory(error):
            raise MemoryError(str(error)) from error
        raise SegmentationError(f"OpenCV: {error.err or 'failed'}") from error
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
