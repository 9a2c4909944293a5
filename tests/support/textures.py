"""Pictures with structure at many scales, as photographs have."""

from __future__ import annotations

import io

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image


def picture(seed: int, height: int = 240, width: int = 320) -> npt.NDArray[np.uint8]:
    """``(height, width, 3)``, RGB; the same seed gives the same picture."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(rng.normal(size=(side, side, 3)), (width, height), interpolation=cv2.INTER_CUBIC) * 60 / side**0.5
        for side in (3, 6, 12, 24)
    ]
    return np.clip(128 + sum(layers), 0, 255).astype(np.uint8)


def copies(pixels: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.uint8]]:
    """What people make of a picture: name of the change -> the changed picture."""
    height, width = pixels.shape[:2]
    part = pixels[height * 15 // 200 : height * 185 // 200, width * 15 // 200 : width * 185 // 200]
    grey = np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    named = {
        "jpeg": _jpeg(pixels),
        "half": np.asarray(Image.fromarray(pixels).reduce(2)),
        "grey": grey,
        "mirror": pixels[:, ::-1],
        "crop": part,
        "corner": pixels[height * 15 // 100 :, : width * 85 // 100],
        "mirrored crop": part[:, ::-1],
    }
    return {name: np.ascontiguousarray(copy, np.uint8) for name, copy in named.items()}


def _jpeg(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=40)
    return np.asarray(Image.open(buffer))
