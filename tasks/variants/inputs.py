"""What the variants of each photograph are made from, and a digest of it.

Equal digests mean equal rows, in any workspace: a digest has the settings, the photograph with its mask, and for each
mixed variant the photograph that provides the background.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

from reground.tasks.errors import RegroundError
from reground.tasks.images import DropError, Photograph, load_groups
from reground.tasks.schema import BoxDict, DropReason, GroupRow, ImageId, ImageRow
from reground.tasks.variants.pool import MASK, PUBLISHED, BackgroundPool, make_pool
from reground.tasks.variants.selection import RULES, Selection, choose_backgrounds
from reground.tasks.workspace import Workspace, digest

IMAGE_COLUMNS: Final = ("image_id", "uri", "class_idx", "width", "height", "sha256", "boxes")


@dataclass(frozen=True)
class VariantInputs:
    """All photographs with a mask.

    Attributes:
        pool: the photographs as background sources.
        selections: composition -> variant -> image_id -> its background; excluded images have none.
        shards: shard of ``masks`` -> its image_ids, in order.
        digests: image_id -> digest of everything that its rows depend on.
    """

    pool: BackgroundPool
    selections: Mapping[str, Mapping[str, Mapping[ImageId, Selection | DropError]]]
    shards: Mapping[str, Sequence[ImageId]]
    digests: Mapping[ImageId, str]

    def backgrounds(self, composition: str, image_id: ImageId) -> dict[str, Selection | DropError]:
        """The backgrounds of an image that is not excluded, by variant."""
        return {variant: choices[image_id] for variant, choices in self.selections[composition].items()}


def read_groups(workspace: Workspace, name_or_file: str) -> list[GroupRow]:
    """The rows of ``groups``.

    Raises:
        UsageError: groups that cannot be read.
    """
    rows, _ = load_groups(name_or_file, list(read_rows(workspace, "classes")))
    return rows


def pool_key(workspace: Workspace, groups: str) -> str:
    """Changes with the tables and groups that `load_inputs` reads."""
    group_rows = json.dumps(read_groups(workspace, groups))
    return digest(workspace.table_digest("images"), workspace.table_digest("masks"), group_rows)


def read_rows(workspace: Workspace, name: str, columns: Sequence[str] | None = None) -> Iterator[Any]:
    """The rows of a table, in the order of its parts."""
    for _, rows in workspace.scan(name, columns):
        yield from rows.to_pylist()


@functools.lru_cache(maxsize=1)
def load_inputs(
    url: str, key: str, groups: str, base_seed: int, compositions: tuple[str, ...], recipe: str
) -> VariantInputs:
    """The inputs of a workspace; read once per process, for the plan and all shards.

    Args:
        url: of the workspace.
        key: result of `pool_key`, used as a cache key.
        groups: name or file of the groups.
        base_seed: seed of the background selection.
        compositions: some of `COMPOSITIONS`.
        recipe: text that changes with the step's version and settings.

    Raises:
        RegroundError: a mask is of an image that is not indexed.
    """
    workspace = Workspace(url)
    masks, shards = _masks(workspace)
    pool, contents = _pool(workspace, key, read_groups(workspace, groups), masks)
    selections = {name: _select(pool, name, base_seed) for name in compositions}
    digests: dict[ImageId, str] = {}
    for image_id, mask in masks.items():
        excluded = [pool.exclusions[name].get(image_id) for name in compositions]
        choices = [by_id.get(image_id) for name in compositions for by_id in selections[name].values()]
        described = (_describe(item, contents) for item in (*excluded, *choices))
        digests[image_id] = digest(recipe, contents[image_id], mask.digest, *described)
    return VariantInputs(pool, selections, shards, digests)


class _Mask(NamedTuple):
    """What selections and digests need of a row of ``masks``; ``digest`` is that of its run lengths."""

    box: BoxDict | None
    quarantine: str | None
    digest: str


def _masks(workspace: Workspace) -> tuple[dict[ImageId, _Mask], dict[str, list[ImageId]]]:
    """The masks by image, and the images of each shard in order; of a large set the rows are read part by part."""
    masks: dict[ImageId, _Mask] = {}
    shards: dict[str, list[ImageId]] = {entry.shard: [] for entry, _ in workspace.parts("masks")}
    for entry, part in workspace.scan("masks", ["image_id", "box", "quarantine", "rle"]):
        rows = part.to_pylist()
        masks |= {row["image_id"]: _Mask(row["box"], row["quarantine"], digest(row["rle"])) for row in rows}
        shards[entry.shard] = [row["image_id"] for row in rows]
    return masks, shards


def _pool(
    workspace: Workspace, key: str, groups: Sequence[GroupRow], masks: Mapping[ImageId, _Mask]
) -> tuple[BackgroundPool, dict[ImageId, str]]:
    """The photographs with a mask, and a digest of what each shows: its row, the box that is filled, and its group."""
    group_of = {row["class_idx"]: row["group"] for row in groups}
    photographs: list[Photograph] = []
    contents: dict[ImageId, str] = {}
    exclusions: dict[str, dict[ImageId, DropError]] = {MASK: {}, PUBLISHED: {}}
    for row in read_rows(workspace, "images", IMAGE_COLUMNS):
        image_id: ImageId = row["image_id"]
        if image_id not in masks:
            continue
        mask, boxes = masks[image_id], len(row["boxes"])
        photograph = Photograph.of_row(cast("ImageRow", row), mask.box)
        photographs.append(photograph)
        contents[image_id] = digest(json.dumps([*row.values(), photograph.box, group_of.get(row["class_idx"])]))
        if mask.quarantine:
            exclusions[MASK][image_id] = DropError(DropReason.MASK_QUARANTINED, mask.quarantine)
        if boxes != 1:
            exclusions[PUBLISHED][image_id] = _not_one_box(boxes)
    _check_indexed(masks, contents.keys())
    names = {row["group"]: row["name"] for row in groups}
    return make_pool(key, names, group_of, photographs, exclusions), contents


def _select(pool: BackgroundPool, composition: str, base_seed: int) -> dict[str, dict[ImageId, Selection | DropError]]:
    excluded = pool.exclusions[composition]
    usable = [
        pool.photographs[image_id]
        for image_ids in pool.background_sources.values()
        for image_id in image_ids
        if image_id not in excluded
    ]
    return {variant: choose_backgrounds(pool, variant, usable, base_seed, composition) for variant in RULES}


def _describe(choice: Selection | DropError | None, contents: Mapping[ImageId, str]) -> str:
    """As part of a digest: the photograph that provides the background, or the reason why there is none."""
    if isinstance(choice, Selection):
        return f"{choice.background_id}\t{contents[choice.background_id]}\t{choice.seed}"
    return "" if choice is None else str(choice)


def _check_indexed(masks: Mapping[ImageId, Any], indexed: Set[ImageId]) -> None:
    unknown_ids = masks.keys() - indexed
    if unknown_ids:
        raise RegroundError(
            f"{len(unknown_ids)} of {len(masks)} masks are of images that are not indexed "
            f"(first: {min(unknown_ids)}): run `reground masks` again."
        )


def _not_one_box(boxes: int) -> DropError:
    reason = DropReason.SEVERAL_BOXES if boxes else DropReason.NO_BOX
    return DropError(reason, f"expected 1 box, as the published filter does, got {boxes}")
