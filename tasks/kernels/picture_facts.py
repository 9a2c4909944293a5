"""Plain facts of a picture that features do not show: grey, blurred, nearly one colour, too dark or too bright."""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

DARK: Final = 16
BRIGHT: Final = 239
"""Grey values from 0 to 255 up to which, and from which on, a pixel is black or white."""
COLOUR_BITS: Final = 3
"""Of each channel: 512 colours are told apart."""


class PictureFacts(NamedTuple):
    """Of one picture.

    Attributes:
        width: pixels.
        height: pixels.
        aspect: long side over short side, at least 1.
        colourfulness: Hasler and Suesstrunk 2003, equation 3; 0 is grey, above 15 slightly colourful.
        sharpness: variance of the Laplacian at 256 pixels' height; lower is more blurred.
        contrast: standard deviation of grey values, 0 to 128.
        main_colour_share: share of pixels of the most frequent of 512 colours, 0 to 1.
        dark_share: share of pixels that are nearly black, 0 to 1.
        bright_share: share of pixels that are nearly white, 0 to 1.
    """

    width: int
    height: int
    aspect: float
    colourfulness: float
    sharpness: float
    contrast: float
    main_colour_share: float
    dark_share: float
    bright_share: float


def picture_facts(pixels: Pixels) -> PictureFacts:
    """Facts of a picture.

    Args:
        pixels: ``(H, W, 3) uint8``, RGB.

    Examples:
        >>> facts = picture_facts(np.full((64, 128, 3), 128, np.uint8))
        >>> facts.aspect, facts.colourfulness, facts.contrast, facts.main_colour_share
        (2.0, 0.0, 0.0, 1.0)
    """
    height, width = pixels.shape[:2]
    scale = 256 / height
    size = max(1, round(width * scale)), 256
    small = np.asarray(
        cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR), np.uint8
    )
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    colours = (small >> (8 - COLOUR_BITS)).astype(np.int64) @ np.array([1 << 2 * COLOUR_BITS, 1 << COLOUR_BITS, 1])
    return PictureFacts(
        width=width,
        height=height,
        aspect=max(width, height) / min(width, height),
        colourfulness=_colourfulness(small),
        sharpness=float(cv2.Laplacian(grey, cv2.CV_64F).var()),
        contrast=float(grey.std()),
        main_colour_share=float(np.bincount(colours.ravel()).max() / colours.size),
        dark_share=float((grey <= DARK).mean()),
        bright_share=float((grey >= BRIGHT).mean()),
    )


def _colourfulness(pixels: Pixels) -> float:
    red, green, blue = (pixels[..., channel].astype(np.float64) for channel in range(3))
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))
