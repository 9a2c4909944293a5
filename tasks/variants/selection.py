"""Background selection for mixed variants.

Source: Xiao et al. 2020, section 2 and the released generator: the background is the Only-BG-T
of an image drawn uniformly from the images of one group, the image itself included. Composition
``published`` does the same. Both compositions draw from the same list with the same seed, and ``mask``
draws again if the draw is excluded, so the background sources of the two differ only where they must.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import numpy as np

from reground.tasks.images import DropError, Photograph
from reground.tasks.schema import DropReason, ImageId
from reground.tasks.variants.pool import MASK, PUBLISHED, BackgroundPool
from reground.tasks.workspace import derive_seed

T = TypeVar("T")


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


def _no_background(detail: str) -> DropError:
    return DropError(DropReason.NO_BACKGROUND, detail)
