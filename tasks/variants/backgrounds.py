"""Background selection for mixed variants, and the backgrounds themselves.

Source: Xiao et al. 2020, section 2 and the released generator: the background is the Only-BG-T
of an image drawn uniformly from the images of one group, the image itself included. Composition
``published`` does the same. Composition ``mask`` excludes the image itself (its own background
gives the photograph again, not a new background) and images with a quarantined mask. Both draw
from the same list with the same seed, and ``mask`` draws again if the draw is excluded, so the
background sources of the two differ only where they must.
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
"""Size of the cache of backgrounds, per process: two hundred at 224 x 224."""

CONTEXT: Final = 2
"""Longest side of the inpainted region, in short sides: limits the memory that a panorama needs."""


@dataclass(frozen=True)
class BackgroundPool:
    """Photographs with a mask, and which of them can provide a background.

    Attributes:
        key: digest of the contents, used as a cache key.
        names: group -> name, for every group with a class.
        group_of: class -> group, for every class in a group.
        photographs: image_id -> photograph.
        background_sources: group -> image_ids of its usable photographs, sorted; groups without any are absent.
        exclusions: composition -> excluded images, with the reason.
        source_counts: (composition, group) -> number of background sources that are not excluded.
    """

    key: str
    names: Mapping[int, str]
    group_of: Mapping[ClassIdx, int]
    photographs: Mapping[ImageId, Photograph]
    background_sources: Mapping[int, Sequence[ImageId]]
    exclusions: Mapping[str, Mapping[ImageId, DropError]]
    source_counts: Mapping[tuple[str, int], int]

    def group(self, photograph: Photograph) -> int:
        """The group of a usable photograph.

        Raises:
            DropError: its class is in no group, or its box leaves no strip to tile.
        """
        group = self.group_of.get(photograph.class_idx)
        if group is None:
            raise DropError(DropReason.NO_GROUP, f"class {photograph.class_idx} is in none of the groups")
        if not _has_strip(photograph):
            raise DropError(DropReason.NO_BACKGROUND, "the box fills the image: there is no strip beside it")
        return group

    def may_provide(self, composition: str, background_id: ImageId, image_id: ImageId) -> bool:
        """Whether an image of ``background_sources`` may provide the background of another image (or its own)."""
        return background_id not in self.exclusions[composition] and (
            composition == PUBLISHED or background_id != image_id
        )

    def can_provide(self, composition: str, group: int, photograph: Photograph) -> bool:
        """Whether a group has a background for an image that is not excluded."""
        minimum = 1 if composition == MASK and group == self.group_of.get(photograph.class_idx) else 0
        return self.source_counts.get((composition, group), 0) > minimum


def make_pool(
    key: str,
    names: Mapping[int, str],
    group_of: Mapping[ClassIdx, int],
    photographs: Sequence[Photograph],
    exclusions: Mapping[str, Mapping[ImageId, DropError]] | None = None,
) -> BackgroundPool:
    """The background pool of some photographs, in any order."""
    exclusions = {composition: {} for composition in COMPOSITIONS} | dict(exclusions or {})
    background_sources: dict[int, list[ImageId]] = {}
    for photograph in sorted(photographs, key=lambda photograph: photograph.image_id):
        group = group_of.get(photograph.class_idx)
        if group is not None and _has_strip(photograph):
            background_sources.setdefault(group, []).append(photograph.image_id)
    source_counts = {
        (composition, group): sum(background_id not in image_ids for background_id in members)
        for composition, image_ids in exclusions.items()
        for group, members in background_sources.items()
    }
    by_id = {photograph.image_id: photograph for photograph in photographs}
    return BackgroundPool(key, names, group_of, by_id, background_sources, exclusions, source_counts)


# Group selection: one rule per variant


def _same(pool: BackgroundPool, photograph: Photograph, composition: str, _: np.random.Generator) -> int:
    group = pool.group(photograph)
    if not pool.can_provide(composition, group, photograph):
        raise _no_background(f"its group '{pool.names[group]}' has one usable image")
    return group


def _random(pool: BackgroundPool, photograph: Photograph, composition: str, rng: np.random.Generator) -> int:
    groups = sorted(pool.background_sources)
    candidates = [group for group in groups if pool.can_provide(composition, group, photograph)]
    if not candidates:
        raise _no_background("no group has another usable image")
    return _draw(groups, candidates.__contains__, rng)


def _next(pool: BackgroundPool, photograph: Photograph, composition: str, _: np.random.Generator) -> int:
    own_group = pool.group(photograph)
    groups = sorted(pool.names)
    start = groups.index(own_group) + 1
    for group in (*groups[start:], *groups[: start - 1]):
        if pool.can_provide(composition, group, photograph):
            return group
    raise _no_background("no other group has a usable image")


RULES: Final[Mapping[str, Callable[[BackgroundPool, Photograph, str, np.random.Generator], int]]] = {
    "mixed_same": _same,
    "mixed_rand": _random,
    "mixed_next": _next,
}
"""Variant -> function that selects the group of the background.

``mixed_same``: the group of the photograph. ``mixed_rand``: uniform over all groups with a background
for it, its own included (the paper does not say whether it excludes that one). ``mixed_next``: the next
group, cyclic; groups without usable images are skipped.
"""


def choose_background(
    pool: BackgroundPool, variant: str, photograph: Photograph, base_seed: int, composition: str = MASK
) -> tuple[ImageId, int]:
    """The image that provides the background of a photograph, and the seed of the draw.

    Depends on the arguments alone.

    Args:
        pool: background sources.
        variant: one of `RULES`.
        photograph: from the pool, not excluded from the composition.
        base_seed: seed in the settings.
        composition: one of `COMPOSITIONS`.

    Returns:
        image_id of the background, and the seed.

    Raises:
        DropError: no image can provide a background.
    """
    seed = derive_seed(base_seed, photograph.image_id, variant)
    rng = np.random.default_rng(seed)
    try:
        group = RULES[variant](pool, photograph, composition, rng)
    except DropError as error:
        raise DropError(error.reason, f"{variant}: {error.detail}") from None
    return _draw(
        pool.background_sources[group],
        lambda background_id: pool.may_provide(composition, background_id, photograph.image_id),
        rng,
    ), seed


def singletons(pool: BackgroundPool) -> list[str]:
    """Names of the groups with one usable image: composition ``published`` pastes it onto itself in ``mixed_same``."""
    return [pool.names[group] for group in sorted(pool.background_sources) if pool.source_counts[PUBLISHED, group] == 1]


def _draw(items: Sequence[T], fits: Callable[[T], bool], rng: np.random.Generator) -> T:
    """Uniform draw among the items that fit, by rejection; at least one must fit."""
    while not fits(item := items[int(rng.integers(len(items)))]):
        pass
    return item


# The backgrounds themselves


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
    """
    photograph = pool.photographs[image_id]

    def make() -> np.ndarray:
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


def _has_strip(photograph: Photograph) -> bool:
    return largest_strip(photograph.height, photograph.width, photograph.box) is not None


def _no_background(detail: str) -> DropError:
    return DropError(DropReason.NO_BACKGROUND, detail)
