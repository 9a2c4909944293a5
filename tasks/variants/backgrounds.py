"""The background of an image: its box tiled or inpainted, cropped to the size of the variants."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from reground.tasks.images import Photograph, enough_memory
from reground.tasks.kernels.geometry import (
    Crop,
    apply_crop,
    central_crop,
    central_slice,
    filled_rectangle,
    resized_crop,
)
from reground.tasks.kernels.inpaint import inpaint
from reground.tasks.kernels.tiling import tile_box
from reground.tasks.schema import ImageId
from reground.tasks.variants.pool import BackgroundPool
from reground.tasks.workspace import derive_seed

CACHE_BYTES: Final = 32 * 2**20
"""Size of the cache of backgrounds, per process: two hundred at 224 x 224."""

CONTEXT: Final = 2
"""Longest side of the inpainted region, in short sides: limits the memory that a panorama needs."""


class ArrayCache:
    """Least-recently-used cache of arrays, limited in bytes. Thread-safe."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._arrays: OrderedDict[tuple[object, ...], np.ndarray] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: tuple[object, ...], make: Callable[[], np.ndarray]) -> np.ndarray:
        """The array of ``key``, computed by ``make`` on a miss. Two threads may compute the same one."""
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
                return self._arrays[key]
        array = make()
        array.flags.writeable = False
        with self._lock:
            if key not in self._arrays:
                self._arrays[key] = array
                self._bytes += array.nbytes
            while self._bytes > self._max_bytes:
                self._bytes -= self._arrays.popitem(last=False)[1].nbytes
        return array


_CACHE = ArrayCache(CACHE_BYTES)


def background(
    pool: BackgroundPool, image_id: ImageId, short: int, size: int, fill: str, pixels: np.ndarray | None = None
) -> np.ndarray:
    """The background of an image: its ``only_bg_t``.

    Args:
        pool: contains the photograph.
        image_id: key of the photograph.
        short: short side in pixels before cropping.
        size: side in pixels.
        fill: one of `FILLS`.
        pixels: ``(H, W, 3) uint8``, the decoded photograph; None: it is loaded.

    Returns:
        ``(size, size, 3) uint8``, read-only.

    Raises:
        DropError: it does not fit into memory.
    """
    photograph = pool.photographs[image_id]

    def make() -> np.ndarray:
        with enough_memory(f"the background of {photograph.uri}"):
            return FILLS[fill](photograph, photograph.load() if pixels is None else pixels, short, size)

    return _CACHE.get((pool.key, image_id, short, size, fill), make)


def tiled(photograph: Photograph, pixels: np.ndarray, short: int, size: int) -> np.ndarray:
    """Only-BG-T as published: tiled at native size, then cropped.

    Args:
        photograph: with its box.
        pixels: ``(H, W, 3) uint8``.
        short: short side in pixels before cropping.
        size: side in pixels.

    Returns:
        ``(size, size, 3) uint8``.
    """
    return tile_box(pixels, photograph.box, central_crop(photograph.height, photograph.width, short, size))


def inpainted(photograph: Photograph, pixels: np.ndarray, short: int, size: int) -> np.ndarray:
    """Only-BG-T with the box inpainted, after resizing and before cropping; arguments as in `tiled`.

    Tiled if no pixel outside the box is left: a thin strip may vanish in resizing.
    """
    whole = resized_crop(photograph.height, photograph.width, short)
    views = [central_slice(len(indices), size) for indices in whole]
    contexts = [central_slice(len(indices), min(len(indices), CONTEXT * short)) for indices in whole]
    crop = Crop(*(indices[part] for indices, part in zip(whole, contexts, strict=True)))
    object_mask = np.zeros((photograph.height, photograph.width), np.bool_)
    object_mask[filled_rectangle(photograph.box)] = True
    hole = apply_crop(object_mask, crop)
    if hole.all():
        return tiled(photograph, pixels, short, size)
    image = inpaint(apply_crop(pixels, crop), hole, derive_seed(0, photograph.image_id, "inpaint"))
    top, left = (inner.start - outer.start for inner, outer in zip(views, contexts, strict=True))
    return image[top : top + size, left : left + size].copy()


FILLS: Final[Mapping[str, Callable[[Photograph, np.ndarray, int, int], np.ndarray]]] = {
    "tile": tiled,
    "inpaint": inpainted,
}
"""Name -> method that fills the box: (photograph, pixels, short side, side) -> ``(side, side, 3) uint8``."""
