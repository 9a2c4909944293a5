"""Which background each photograph gets, and the backgrounds themselves.

Source: Xiao et al. 2020, section 2 and the released generator: the background is the Only-BG-T
of an image drawn uniformly from the images of one group, the image itself not excluded; composed
by ``published`` it is so here. Composed by ``mask``, no image lends its background to itself (that
would be the photograph again, not a new background), and no quarantined one lends any. Both
draw from the same list with the same seed, and ``mask`` draws again where it may not have what
it drew: so the two differ in lenders only where they must.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from reground.tasks.images import DropError, Photograph
from reground.tasks.kernels.geometry import (
    Crop,
    apply_crop,
    central_crop,
    central_slice,
    filled_rectangle,
    resized_crop,
)
from reground.tasks.kernels.inpaint import inpaint
from reground.tasks.kernels.tiling import largest_strip, tile_box
from reground.tasks.schema import ClassIdx, DropReason, ImageId
from reground.tasks.workspace import derive_seed

T = TypeVar("T")

MASK, PUBLISHED = "mask", "published"
COMPOSITIONS: Final = (MASK, PUBLISHED)
"""How a foreground is pasted: by its mask, or as published, where black means background."""
CACHE_BYTES: Final = 32 * 2**20
"""Of finished backgrounds, for each process: two hundred at 224 x 224."""

CONTEXT: Final = 2
"""Longest side of what is inpainted, in short sides: a panorama's far ends have no say, and take no memory."""


@dataclass(frozen=True)
class Pool:
    """Every photograph with a mask, and which of them can lend a background.

    Attributes:
        key: changes whenever anything below may have changed.
        names: group -> its name, of every group that has a class.
        group_of: class -> group, of the classes that lie in one.
        photographs: by key.
        background_sources: group -> keys of its usable photographs, sorted; groups without any are absent.
        excluded: composition -> images that it leaves out, with the reason.
        free: (composition, group) -> number of background sources that are not excluded.
    """

    key: str
    names: Mapping[int, str]
    group_of: Mapping[ClassIdx, int]
    photographs: Mapping[ImageId, Photograph]
    background_sources: Mapping[int, Sequence[ImageId]]
    excluded: Mapping[str, Mapping[ImageId, DropError]]
    free: Mapping[tuple[str, int], int]

    def group(self, photograph: Photograph) -> int:
        """The group of a usable photograph.

        Raises:
            DropError: its class lies in no group, or its box leaves no strip to tile.
        """
        group = self.group_of.get(photograph.class_idx)
        if group is None:
            raise DropError(DropReason.NO_GROUP, f"class {photograph.class_idx} lies in none of the groups")
        if not _has_strip(photograph):
            raise DropError(DropReason.NO_BACKGROUND, "the box fills the image: no strip beside it")
        return group

    def may_provide(self, composition: str, background_id: ImageId, image_id: ImageId) -> bool:
        """Whether an image of ``background_sources`` may lend its background to another (or to itself)."""
        return background_id not in self.excluded[composition] and (
            composition == PUBLISHED or background_id != image_id
        )

    def can_provide(self, composition: str, group: int, photograph: Photograph) -> bool:
        """Whether anybody of a group may lend a background to an image that is not barred itself."""
        itself = composition == MASK and group == self.group_of.get(photograph.class_idx)
        return self.free.get((composition, group), 0) > itself


def make_pool(
    key: str,
    names: Mapping[int, str],
    group_of: Mapping[ClassIdx, int],
    photographs: Sequence[Photograph],
    excluded: Mapping[str, Mapping[ImageId, DropError]] | None = None,
) -> Pool:
    """The pool of some photographs; their order does not matter."""
    excluded = {composition: {} for composition in COMPOSITIONS} | dict(excluded or {})
    background_sources: dict[int, list[ImageId]] = {}
    for photograph in sorted(photographs, key=lambda photograph: photograph.image_id):
        group = group_of.get(photograph.class_idx)
        if group is not None and _has_strip(photograph):
            background_sources.setdefault(group, []).append(photograph.image_id)
    free = {
        (composition, group): sum(background_id not in out for background_id in members)
        for composition, out in excluded.items()
        for group, members in background_sources.items()
    }
    by_id = {photograph.image_id: photograph for photograph in photographs}
    return Pool(key, names, group_of, by_id, background_sources, excluded, free)


# Which group lends: one rule a variant


def _same(pool: Pool, photograph: Photograph, composition: str, _: np.random.Generator) -> int:
    group = pool.group(photograph)
    if not pool.can_provide(composition, group, photograph):
        raise _nobody(f"its group '{pool.names[group]}' has one usable image")
    return group


def _random(pool: Pool, photograph: Photograph, composition: str, rng: np.random.Generator) -> int:
    groups = sorted(pool.background_sources)
    lending = [group for group in groups if pool.can_provide(composition, group, photograph)]
    if not lending:
        raise _nobody("no group has another usable image")
    return _draw(groups, lending.__contains__, rng)


def _next(pool: Pool, photograph: Photograph, composition: str, _: np.random.Generator) -> int:
    own = pool.group(photograph)
    groups = sorted(pool.names)
    after = groups.index(own) + 1
    for group in (*groups[after:], *groups[: after - 1]):
        if pool.can_provide(composition, group, photograph):
            return group
    raise _nobody("no other group has a usable image")


RULES: Final[Mapping[str, Callable[[Pool, Photograph, str, np.random.Generator], int]]] = {
    "mixed_same": _same,
    "mixed_rand": _random,
    "mixed_next": _next,
}
"""Variant -> the group whose background it gets.

``mixed_same``: its own. ``mixed_rand``: any that has a background for it, its own too, all as
likely (whether the paper leaves out its own is not known). ``mixed_next``: the next, after the
last the first; a group without usable images is passed over.
"""


def choose(
    pool: Pool, variant: str, photograph: Photograph, base_seed: int, composition: str = MASK
) -> tuple[ImageId, int]:
    """The image whose background a photograph gets, and the seed of the choice.

    Depends on the pool and the seed only, not on who asks, or when.

    Args:
        pool: to choose from.
        variant: one of `RULES`.
        photograph: of the pool, not barred from the composition.
        base_seed: the user's.
        composition: one of `COMPOSITIONS`.

    Raises:
        DropError: nobody can.
    """
    seed = derive_seed(base_seed, photograph.image_id, variant)
    rng = np.random.default_rng(seed)
    try:
        group = RULES[variant](pool, photograph, composition, rng)
    except DropError as why:
        raise DropError(why.reason, f"{variant}: {why.detail}") from None
    return _draw(
        pool.background_sources[group],
        lambda background_id: pool.may_provide(composition, background_id, photograph.image_id),
        rng,
    ), seed


def singletons(pool: Pool) -> list[str]:
    """Names of the groups with one usable image: composed as ``published``, ``mixed_same`` pastes it onto itself."""
    return [pool.names[group] for group in sorted(pool.background_sources) if pool.free[PUBLISHED, group] == 1]


def _draw(things: Sequence[T], fits: Callable[[T], bool], rng: np.random.Generator) -> T:
    """Any of those that fit, all as likely; of all, the first drawn that fits. One of them must."""
    while not fits(drawn := things[int(rng.integers(len(things)))]):
        pass
    return drawn


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


def background(
    pool: Pool, image_id: ImageId, short: int, size: int, fill: str, pixels: np.ndarray | None = None
) -> np.ndarray:
    """The background of an image of the pool: ``only_bg_t``.

    Args:
        pool: with the photograph.
        image_id: its key.
        short: short side in pixels before cropping.
        size: side in pixels.
        fill: one of `FILLS`.
        pixels: of the photograph, where they are at hand.

    Returns:
        ``(size, size, 3) uint8``, not to be written to.
    """
    photograph = pool.photographs[image_id]

    def make() -> np.ndarray:
        return FILLS[fill](photograph, photograph.load() if pixels is None else pixels, short, size)

    return _CACHE.get((pool.key, image_id, short, size, fill), make)


def tiled(photograph: Photograph, pixels: np.ndarray, short: int, size: int) -> np.ndarray:
    """Only-BG-T as published: tiled at native size, then cropped."""
    return tile_box(pixels, photograph.box, central_crop(photograph.height, photograph.width, short, size))


def inpainted(photograph: Photograph, pixels: np.ndarray, short: int, size: int) -> np.ndarray:
    """The same with the box filled from all around it: after resizing, but before the crop takes what is around.

    Tiled where nothing is left around the box: a strip at native size may vanish in resizing.
    """
    whole = resized_crop(photograph.height, photograph.width, short)
    shown = [central_slice(len(indices), size) for indices in whole]
    around = [central_slice(len(indices), min(len(indices), CONTEXT * short)) for indices in whole]
    crop = Crop(*(indices[part] for indices, part in zip(whole, around, strict=True)))
    boxed = np.zeros((photograph.height, photograph.width), np.bool_)
    boxed[filled_rectangle(photograph.box)] = True
    hole = apply_crop(boxed, crop)
    if hole.all():
        return tiled(photograph, pixels, short, size)
    filled = inpaint(apply_crop(pixels, crop), hole, derive_seed(0, photograph.image_id, "inpaint"))
    top, left = (inner.start - outer.start for inner, outer in zip(shown, around, strict=True))
    return filled[top : top + size, left : left + size].copy()


FILLS: Final[Mapping[str, Callable[[Photograph, np.ndarray, int, int], np.ndarray]]] = {
    "tile": tiled,
    "inpaint": inpainted,
}
"""What takes the object's place in a background: (photograph, its pixels, short side, side) -> ``(side, side, 3)``."""


def _has_strip(photograph: Photograph) -> bool:
    return largest_strip(photograph.height, photograph.width, photograph.box) is not None


def _nobody(detail: str) -> DropError:
    return DropError(DropReason.NO_BACKGROUND, detail)
