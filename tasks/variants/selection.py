"""Background selection for mixed variants.

Source: Xiao et al. 2020, section 2 and the released generator: the background is the Only-BG-T
of an image drawn uniformly from the images of one group, the image itself included. Composition
``published`` does the same. ``mask`` takes the next best image where that one is excluded, so the background
sources of the two differ only where they must.

The draw is by consistent hashing (`reground.tasks.kernels.consistent_hash`) of the seed, the image and the variant:
each image of the group is as likely as the others, and one photograph more takes its equal share of the draws and
changes no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from reground.tasks.images import DropError, Photograph
from reground.tasks.kernels.consistent_hash import closest_member
from reground.tasks.schema import DropReason, ImageId
from reground.tasks.variants.pool import MASK, PUBLISHED, BackgroundPool
from reground.tasks.workspace import derive_seed


class Selection(NamedTuple):
    """The image that provides a background, and the seed of the draw."""

    background_id: ImageId
    seed: int


def _same(pool: BackgroundPool, photograph: Photograph, composition: str, _: int) -> int:
    group = pool.group(photograph)
    if not pool.can_provide(composition, group, photograph):
        raise _no_background(f"its group '{pool.names[group]}' has one usable image")
    return group


def _random(pool: BackgroundPool, photograph: Photograph, composition: str, seed: int) -> int:
    candidates = [group for group in pool.background_sources if pool.can_provide(composition, group, photograph)]
    if not candidates:
        raise _no_background("no group has another usable image")
    return min(candidates, key=lambda group: derive_seed(seed, str(group)))  # rendezvous hashing: groups are few


def _next(pool: BackgroundPool, photograph: Photograph, composition: str, _: int) -> int:
    own_group = pool.group(photograph)
    groups = sorted(pool.names)
    start = groups.index(own_group) + 1
    for group in (*groups[start:], *groups[: start - 1]):
        if pool.can_provide(composition, group, photograph):
            return group
    raise _no_background("no other group has a usable image")


RULES: Final[Mapping[str, Callable[[BackgroundPool, Photograph, str, int], int]]] = {
    "mixed_same": _same,
    "mixed_rand": _random,
    "mixed_next": _next,
}
"""Variant -> function that selects the group of the background.

``mixed_same``: the group of the photograph. ``mixed_rand``: uniform over all groups with a background
for it, its own included (the paper does not say whether it excludes that one). ``mixed_next``: the next
group, cyclic; groups without usable images are skipped.
"""


def choose_backgrounds(
    pool: BackgroundPool, variant: str, photographs: Iterable[Photograph], base_seed: int, composition: str = MASK
) -> dict[ImageId, Selection | DropError]:
    """The images that provide the backgrounds of photographs.

    Each depends on the pool, the variant, the photograph, the seed and the composition alone.

    Args:
        pool: background sources.
        variant: one of `RULES`.
        photographs: from the pool, not excluded from the composition.
        base_seed: seed in the settings.
        composition: one of `COMPOSITIONS`.

    Returns:
        By image_id; a DropError says why no image can provide a background.
    """
    selections: dict[ImageId, Selection | DropError] = {}
    members: dict[int, list[tuple[ImageId, int]]] = {}
    for photograph in photographs:
        seed = derive_seed(base_seed, photograph.image_id, variant)
        try:
            group = RULES[variant](pool, photograph, composition, seed)
        except DropError as error:
            selections[photograph.image_id] = DropError(error.reason, f"{variant}: {error.detail}")
            continue
        members.setdefault(group, []).append((photograph.image_id, seed))
    for group, draws in members.items():
        image_ids, seeds = zip(*draws, strict=True)
        chosen = _draw(pool, group, composition, base_seed, image_ids, seeds)
        selections |= {
            image_id: Selection(background_id, seed)
            for image_id, seed, background_id in zip(image_ids, seeds, chosen, strict=True)
        }
    return selections


def singletons(pool: BackgroundPool) -> list[str]:
    """Names of the groups with one usable image: composition ``published`` pastes it onto itself in ``mixed_same``."""
    return [pool.names[group] for group in sorted(pool.background_sources) if pool.source_counts[PUBLISHED, group] == 1]


def _draw(
    pool: BackgroundPool,
    group: int,
    composition: str,
    base_seed: int,
    image_ids: Sequence[ImageId],
    seeds: Sequence[int],
) -> list[ImageId]:
    """An image of a group for each photograph; the group has one for each."""
    exclusions = pool.exclusions[composition]
    sources = [background_id for background_id in pool.background_sources[group] if background_id not in exclusions]
    hashes = [derive_seed(base_seed, background_id, "background", bits=64) for background_id in sources]
    position = {background_id: number for number, background_id in enumerate(sources)} if composition == MASK else {}
    own = np.array([position.get(image_id, -1) for image_id in image_ids], np.intp)
    members = closest_member(np.array(hashes, np.uint64), np.array(seeds, np.uint64), own)
    return [sources[member] for member in members.tolist()]


def _no_background(detail: str) -> DropError:
    return DropError(DropReason.NO_BACKGROUND, detail)
