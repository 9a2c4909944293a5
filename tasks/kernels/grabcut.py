"""Foreground from a box by GrabCut, and how far to trust it.

Source: Rother, Kolmogorov, Blake 2004, as OpenCV has it; used as in the released generator of
Xiao et al. 2020 (``get_fg_mask``): RGB at native size, from the box, no clean-up of the mask.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from tasks.kernels.geometry import Box

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
        SegmentationError: the box is empty, leaves the image, fills it, or is too small to model.
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
        raise SegmentationError(f"OpenCV: {error.err or 'failed'}") from error
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)


def mask_quality(mask: Mask, box: Box) -> float:
    """How much a mask looks like one object in its box: 0 (not at all) to 1.

    The product of two shares: of the foreground that lies in its largest piece (8-connected),
    and of the box's border that is background. A tight box touches its object at a few points;
    a mask that runs along the border is rather the box itself. Sides of the box on the image's
    own edge do not count: objects may be cut off there. It knows nothing of the true outline.

    Args:
        mask: ``(H, W) bool``, empty outside the box.
        box: edges in pixels, inside the image.
    """
    if not mask.any():
        return 0.0
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    pieces = stats[1:, cv2.CC_STAT_AREA]
    return float(pieces.max() / pieces.sum()) * (1.0 - _border_share(mask, box))


def _border_share(mask: Mask, box: Box) -> float:
    height, width = mask.shape
    xmin, ymin, xmax, ymax = box
    inside = mask[ymin:ymax, xmin:xmax]
    sides = [
        side
        for side, free in (
            (inside[0], ymin > 0),
            (inside[-1], ymax < height),
            (inside[:, 0], xmin > 0),
            (inside[:, -1], xmax < width),
        )
        if free
    ]
    border = np.concatenate(sides) if sides else np.zeros(1, np.bool_)
    return float(border.mean())
