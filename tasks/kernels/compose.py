"""The pictures made of an image, its box and its mask.

Source: Xiao et al. 2020, figure 1 and the released generator. There a pixel of the foreground
that is exactly black becomes background; here the mask alone says what is foreground.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tasks.kernels.geometry import Box, filled_rectangle

Pixels = npt.NDArray[np.uint8]
"""``(H, W, 3) uint8``."""
Mask = npt.NDArray[np.bool_]
"""``(H, W) bool``: True is foreground."""


def black_box(pixels: Pixels, box: Box) -> Pixels:
    """Only-BG-B: the box black."""
    blacked = pixels.copy()
    blacked[filled_rectangle(box)] = 0
    return blacked


def without_foreground(pixels: Pixels, mask: Mask) -> Pixels:
    """No-FG: the foreground black."""
    return pixels * ~mask[..., None]


def only_foreground(pixels: Pixels, mask: Mask) -> Pixels:
    """Only-FG: all but the foreground black."""
    return pixels * mask[..., None]


def paste(pixels: Pixels, mask: Mask, background: Pixels) -> Pixels:
    """Mixed: the foreground where it was, on another image's background; a hard edge."""
    return np.where(mask[..., None], pixels, background)
