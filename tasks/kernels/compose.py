"""The pictures made of an image, its box and its mask.

Source: Xiao et al. 2020, figure 1 and the released generator. There a pixel of the foreground
that is exactly black becomes background (`paste_all_but_black`); with `paste` the mask alone says
what is foreground, and its edge may fade.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from reground.tasks.kernels.geometry import Box, filled_rectangle

Pixels = npt.NDArray[np.uint8]
"""``(H, W, 3) uint8``."""
Mask = npt.NDArray[np.bool_]
"""``(H, W) bool``: True is foreground."""


def black_box(pixels: Pixels, box: Box) -> Pixels:
    """Only-BG-B: the box black."""
    image = pixels.copy()
    image[filled_rectangle(box)] = 0
    return image


def without_foreground(pixels: Pixels, mask: Mask) -> Pixels:
    """No-FG: the foreground black."""
    return pixels * ~mask[..., None]


def only_foreground(pixels: Pixels, mask: Mask) -> Pixels:
    """Only-FG: all but the foreground black."""
    return pixels * mask[..., None]


def paste(pixels: Pixels, mask: Mask, background: Pixels, feather: float = 0.0) -> Pixels:
    """Mixed: the foreground where it was, on another image's background.

    Args:
        pixels: the photograph.
        mask: of its foreground.
        background: as large.
        feather: width in pixels over which the foreground's edge fades, see `fade`; 0: a hard edge.
    """
    image = np.where(mask[..., None], pixels, background)
    if feather > 0:
        opacity = fade(mask, feather)
        edge = mask & (opacity < 1)
        share = opacity[edge][:, None]
        image[edge] = np.rint(share * pixels[edge] + (1 - share) * background[edge]).astype(np.uint8)
    return image


def fade(mask: Mask, feather: float) -> npt.NDArray[np.float32]:
    """How opaque the foreground is: 1 inside, falling to 0 towards the edge, 0 outside.

    It fades inwards: nothing outside the mask shows, so no pixel of the photograph's own
    background comes along. Where the picture's border cuts the object there is no edge.

    Args:
        mask: ``(H, W) bool``.
        feather: width in pixels of the fading rim, above 0.

    Returns:
        ``(H, W) float32``, 0 to 1.
    """
    if mask.all():
        return np.ones(mask.shape, np.float32)
    # To the centre of the nearest pixel outside: the edge is half a pixel nearer.
    inside = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) - np.float32(0.5)
    return np.clip(inside / np.float32(feather), 0, 1)


def paste_all_but_black(foreground: Pixels, background: Pixels) -> Pixels:
    """Mixed as published: a pixel of Only-FG that is (0, 0, 0) is background, be it of the object or not."""
    brightest = foreground[..., 0] | foreground[..., 1] | foreground[..., 2]
    return np.where(brightest[..., None] > 0, foreground, background)
