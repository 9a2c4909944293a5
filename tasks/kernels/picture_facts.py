"""Plain facts of a picture that features do not show: grey, blurred, nearly one colour, too dark or too bright."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from cv2.typing import MatLike

Pixels = npt.NDArray[np.uint8]

DARK: Final = 16
BRIGHT: Final = 239
"""Grey values from 0 to 255 up to which, and from which on, a pixel is black or white."""
COLOURS: Final = 8
"""Values of each channel that are told apart: 512 colours."""
HEIGHT: Final = 256
"""Of the grey picture whose sharpness is measured, pixels."""
MAX_GREY: Final = 1 << 20
"""Pixels of that picture: a strip of a few rows is not enlarged to 256 of them."""
SAMPLE: Final = 96
"""Pixels along the short side, about, that colours and exposure are measured on; all where there are fewer."""
OPPONENT: Final = np.array([[1, -1, 0], [1, 1, -2]], np.float32)
"""RGB to red against green, and to twice yellow against blue (Hasler, Suesstrunk 2003, equations 1 and 2)."""


class PictureFacts(NamedTuple):
    """Of one picture.

    Attributes:
        width: pixels.
        height: pixels.
        aspect: long side over short side, at least 1.
        colourfulness: Hasler and Suesstrunk 2003, equation 3; 0 is grey, above 15 slightly colourful.
        sharpness: variance of the Laplacian of `small_grey`; lower is more blurred.
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


def small_grey(pixels: Pixels) -> Pixels:
    """The picture in grey, 256 pixels high, ``(256, W) uint8``; a strip is lower.

    Args:
        pixels: ``(H, W, 3) uint8``, RGB.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    # By whole numbers first: that is exact and fast, and leaves a factor below two for the interpolation.
    step = max(1, min(grey.shape[0] // HEIGHT, grey.shape[1]))
    if step > 1:
        height, width = (side // step for side in grey.shape)
        grey = cv2.resize(grey[: height * step, : width * step], (width, height), interpolation=cv2.INTER_AREA)
    height, width = grey.shape
    scale = min(HEIGHT / height, (MAX_GREY / grey.size) ** 0.5)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def picture_facts(pixels: Pixels, grey: Pixels | None = None) -> PictureFacts:
    """Facts of a picture.

    Args:
        pixels: ``(H, W, 3) uint8``, RGB.
        grey: its `small_grey`, where that is there already.

    Examples:
        >>> facts = picture_facts(np.full((64, 128, 3), 128, np.uint8))
        >>> facts.aspect, facts.colourfulness, facts.contrast, facts.main_colour_share
        (2.0, 0.0, 0.0, 1.0)
    """
    height, width = pixels.shape[:2]
    step = max(1, round(min(height, width) / SAMPLE))
    size = max(1, width // step), max(1, height // step)
    sample = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    colours = cv2.calcHist([sample], [0, 1, 2], None, [COLOURS] * 3, [0, 256] * 3)
    greys = cv2.cvtColor(sample, cv2.COLOR_RGB2GRAY)
    return PictureFacts(
        width=width,
        height=height,
        aspect=max(width, height) / min(width, height),
        colourfulness=_colourfulness(sample),
        sharpness=_variance(cv2.Laplacian(small_grey(pixels) if grey is None else grey, cv2.CV_16S)),
        contrast=_variance(greys) ** 0.5,
        main_colour_share=float(colours.max()) / greys.size,
        dark_share=float((greys <= DARK).mean()),
        bright_share=float((greys >= BRIGHT).mean()),
    )


def _variance(values: MatLike) -> float:
    """Of whole numbers, exactly; `cv2.meanStdDev` takes several times as long."""
    mean = float(np.asarray(cv2.sumElems(values))[0]) / values.size
    # OpenCV squares a root: rounding takes the sum of squares back to the whole number that it is.
    return max(0.0, round(cv2.norm(values, cv2.NORM_L2SQR)) / values.size - mean**2)


def _colourfulness(pixels: Pixels) -> float:
    opponents = cv2.meanStdDev(cv2.transform(pixels.astype(np.int16), OPPONENT))
    mean, deviation = (array.ravel() / (1, 2) for array in opponents)
    return float(np.hypot(*deviation) + 0.3 * np.hypot(*mean))
