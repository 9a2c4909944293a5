"""Enlarge a small image to the size of a photograph, following the photograph's edges.

Source: the guided filter; He, Sun, Tang 2010, in its fast form; He, Sun 2015 (arXiv:1505.00996):
the coefficients of the local linear models are found at the small size and enlarged.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]


def guided_enlargement(small: Plane, small_guide: Plane, guide: Plane, radius: int, epsilon: float) -> Plane:
    """The small picture at the size of the guide.

    Args:
        small: ``(h, w)``, what is brought to size.
        small_guide: ``(h, w)``, the guide at that size.
        guide: ``(H, W)``, 0 to 1.
        radius: of the square in which the picture is held to be linear in the guide, small pixels.
        epsilon: variance of the guide below which the picture is smoothed instead.

    Returns:
        ``(H, W) float32``; may leave the range of ``small`` a little.
    """
    size = (2 * radius + 1, 2 * radius + 1)
    mean, level = _blurred(small_guide, size), _blurred(small, size)
    covariance = _blurred(small_guide * small, size) - mean * level
    slope = covariance / (_blurred(small_guide * small_guide, size) - mean * mean + np.float32(epsilon))
    offset = level - slope * mean
    height, width = guide.shape
    slope, offset = (
        np.asarray(cv2.resize(_blurred(term, size), (width, height)), np.float32) for term in (slope, offset)
    )
    return slope * guide + offset


def _blurred(plane: Plane, size: tuple[int, int]) -> Plane:
    return np.asarray(cv2.blur(plane, size), np.float32)
