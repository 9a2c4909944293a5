"""Photographs that can provide the background of a mixed variant.

Composition ``published`` takes every photograph with a mask, the image itself included. Composition ``mask``
excludes the image itself (its own background gives the photograph again, not a new background) and images
with a quarantined mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reground.tasks.images import DropError, Photograph
from reground.tasks.kernels.tiling import largest_strip
from reground.tasks.schema import ClassIdx, DropReason, ImageId

MASK, PUBLISHED = "mask", "published"
COMPOSITIONS: Final = (MASK, PUBLISHED)
"""How a foreground is pasted: by its mask, or as published, where black means background."""


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


def _has_strip(photograph: Photograph) -> bool:
    return largest_strip(photograph.height, photograph.width, photograph.box) is not None
