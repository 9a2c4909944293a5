"""Pictures with structure at many scales, as photographs have."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt


def picture(seed: int, height: int = 240, width: int = 320) -> npt.NDArray[np.uint8]:
    """``(height, width, 3)``, RGB; the same seed gives the same picture."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(rng.normal(size=(side, side, 3)), (width, height), interpolation=cv2.INTER_CUBIC) * 60 / side**0.5
        for side in (3, 6, 12, 24)
    ]
    return np.clip(128 + sum(layers), 0, 255).astype(np.uint8)
