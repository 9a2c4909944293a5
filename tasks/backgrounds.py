"""Which image lends its background to which, and those backgrounds, ready to paste on.

Source: Xiao et al. 2020, section 2 and the released generator: the background is the Only-BG-T
of an image drawn uniformly from the images of one group. Unlike there an image never lends its
background to itself: that would be the photograph again, not a new background.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.kernels.geometry import central_crop, take
from tasks.kernels.tiling import largest_strip, tile_box
from tasks.photographs import LeftOut, Photograph
from tasks.schema import ClassIdx, DropReason, ImageId
from tasks.seed import derive_seed

CACHE_BYTES: Final = 32 * 2**20
"""Of finished backgrounds, for each process: two hundred at 224 x 224."""


@dataclass(frozen=True)
class Pool:
    """Every photograph with a mask, and which of them can lend a background.

    Attributes:
        key: changes whenever anything below may have changed.
        names: group -> its name, of every group that has a class.
        group_of: class -> group, of the classes that lie in one.
        photographs: by key.
        lenders: group -> keys of its usable photographs, in order; groups without any are absent.
    """

    key: str
    names: Mapping[int, str]
    group_of: Mapping[ClassIdx, int]
    photographs: Mapping[ImageId, Photograph]
    lenders: Mapping[int, Sequence[ImageId]]

    def group(self, photograph: Photograph) -> int:
        """The group of a usable photograph.

        Raises:
            LeftOut: its class lies in no group, or its box leaves no strip to tile.
        """
        group = self.group_of.get(photograph.class_idx)
        if group is None:
            raise LeftOut(DropReason.NO_GROUP, f"class {photograph.class_idx} lies in none of the groups")
        if not _has_strip(photograph):
            raise LeftOut(DropReason.NO_BACKGROUND, "the box fills the image: no strip beside it")
        return group

    def others(self, group: int, image_id: ImageId) -> list[ImageId]:
        """Who of a group can lend a background to an image."""
        return [lender for lender in self.lenders.get(group, ()) if lender != image_id]


def make_pool(
    key: str, names: Mapping[int, str], group_of: Mapping[ClassIdx, int], photographs: Sequence[Photograph]
) -> Pool:
    """The pool of some photographs; their order does not matter."""
    lenders: dict[int, list[ImageId]] = {}
    for photograph in sorted(photographs, key=lambda photograph: photograph.image_id):
        group = group_of.get(photograph.class_idx)
        if group is not None and _has_strip(photograph):
            lenders.setdefault(group, []).append(photograph.image_id)
    return Pool(key, names, group_of, {photograph.image_id: photograph for photograph in photographs}, lenders)


# Which group lends: one rule a variant


def _same(pool: Pool, photograph: Photograph, _: np.random.Generator) -> int:
    group = pool.group(photograph)
    if not pool.others(group, photograph.image_id):
        raise _nobody(f"its group '{pool.names[group]}' has one usable image")
    return group


def _random(pool: Pool, photograph: Photograph, rng: np.random.Generator) -> int:
    lending = [group for group in sorted(pool.lenders) if pool.others(group, photograph.image_id)]
    if not lending:
        raise _nobody("no group has another usable image")
    return lending[rng.integers(len(lending))]


def _next(pool: Pool, photograph: Photograph, _: np.random.Generator) -> int:
    own = pool.group(photograph)
    groups = sorted(pool.names)
    after = groups.index(own) + 1
    for group in (*groups[after:], *groups[: after - 1]):
        if group in pool.lenders:
            return group
    raise _nobody("no other group has a usable image")


RULES: Final[Mapping[str, Callable[[Pool, Photograph, np.random.Generator], int]]] = {
    "mixed_same": _same,
    "mixed_rand": _random,
    "mixed_next": _next,
}
"""Variant -> the group whose background it gets.

``mixed_same``: its own. ``mixed_rand``: any that has a background for it, its own too, all as
likely (whether the paper leaves out its own is not known). ``mixed_next``: the next, after the
last the first; a group without usable images is passed over.
"""


def choose(pool: Pool, variant: str, photograph: Photograph, base_seed: int) -> tuple[ImageId, int]:
    """Who lends a background to a photograph, and the seed that said so.

    Depends on the pool and the seed only, not on who asks, or when.

    Raises:
        LeftOut: nobody can.
    """
    seed = derive_seed(base_seed, photograph.image_id, variant)
    rng = np.random.default_rng(seed)
    try:
        lenders = pool.others(RULES[variant](pool, photograph, rng), photograph.image_id)
    except LeftOut as why:
        raise LeftOut(why.reason, f"{variant}: {why.detail}") from None
    return lenders[rng.integers(len(lenders))], seed


# The backgrounds themselves


class Cache:
    """Arrays by key, the latest used of them up to a number of bytes. Threads may share it."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._held: OrderedDict[tuple[object, ...], np.ndarray] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: tuple[object, ...], make: Callable[[], np.ndarray]) -> np.ndarray:
        """The array under ``key``, made if it is not held. Two threads may make the same one."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        made = make()
        made.flags.writeable = False
        with self._lock:
            if key not in self._held:
                self._held[key] = made
                self._bytes += made.nbytes
            while self._bytes > self._most:
                self._bytes -= self._held.popitem(last=False)[1].nbytes
        return made


_CACHE = Cache(CACHE_BYTES)


def background(pool: Pool, image_id: ImageId, short: int, size: int) -> np.ndarray:
    """The Only-BG-T of an image of the pool, ``(size, size, 3) uint8``, not to be written to."""
    photograph = pool.photographs[image_id]
    key = (pool.key, image_id, short, size)
    return _CACHE.get(key, lambda: tiled(photograph, photograph.load(), short, size))


def tiled(photograph: Photograph, pixels: np.ndarray, short: int, size: int) -> np.ndarray:
    """Only-BG-T of a photograph whose pixels are at hand: tiled at native size, then cropped."""
    crop = central_crop(photograph.height, photograph.width, short, size)
    return take(tile_box(pixels, photograph.box), crop)


def _has_strip(photograph: Photograph) -> bool:
    return largest_strip(photograph.height, photograph.width, photograph.box) is not None


def _nobody(detail: str) -> LeftOut:
    return LeftOut(DropReason.NO_BACKGROUND, detail)
