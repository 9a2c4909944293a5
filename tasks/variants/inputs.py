"""What the variants of each photograph are made from, and a digest of it.

Equal digests mean equal rows, in any workspace: a digest has the settings, the photograph with its mask, and for each
mixed variant the photograph that provides the background.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from reground.tasks.errors import RegroundError
from reground.tasks.images import DropError, Photograph, load_groups
from reground.tasks.schema import DropReason, GroupRow, ImageId, ImageRow
from reground.tasks.variants.pool import MASK, PUBLISHED, BackgroundPool, make_pool
from reground.tasks.variants.selection import RULES, Selection, choose_backgrounds
from reground.tasks.workspace import Workspace, digest


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
    for _, part in workspace.parts(name):
        yield from workspace.read_part(part.path, columns).to_pylist()


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
    columns = ["image_id", "box", "quarantine", "rle"]
    masks = {row["image_id"]: {**row, "rle": digest(row["rle"])} for row in read_rows(workspace, "masks", columns)}
    columns = ["image_id", "uri", "class_idx", "width", "height", "sha256", "boxes"]
    images = [row for row in read_rows(workspace, "images", columns) if row["image_id"] in masks]
    _check_indexed(masks, {row["image_id"] for row in images})
    pool = _pool(key, read_groups(workspace, groups), images, masks)
    selections = {name: _select(pool, name, base_seed) for name in compositions}
    contents = {row["image_id"]: _content(row, pool) for row in images}
    digests: dict[ImageId, str] = {}
    for image_id, mask in masks.items():
        excluded = [pool.exclusions[name].get(image_id) for name in compositions]
        choices = [by_id.get(image_id) for name in compositions for by_id in selections[name].values()]
        described = (_describe(item, contents) for item in (*excluded, *choices))
        digests[image_id] = digest(recipe, contents[image_id], mask["rle"], *described)
    return VariantInputs(pool, selections, _members(workspace), digests)


def _pool(
    key: str,
    groups: Sequence[GroupRow],
    images: Sequence[Mapping[str, Any]],
    masks: Mapping[ImageId, Mapping[str, Any]],
) -> BackgroundPool:
    exclusions = {
        MASK: {i: DropError(DropReason.MASK_QUARANTINED, m["quarantine"]) for i, m in masks.items() if m["quarantine"]},
        PUBLISHED: {row["image_id"]: _not_one_box(len(row["boxes"])) for row in images if len(row["boxes"]) != 1},
    }
    photographs = [Photograph.of_row(cast("ImageRow", row), masks[row["image_id"]]["box"]) for row in images]
    names = {row["group"]: row["name"] for row in groups}
    return make_pool(key, names, {row["class_idx"]: row["group"] for row in groups}, photographs, exclusions)


def _content(row: Mapping[str, Any], pool: BackgroundPool) -> str:
    """Digest of a row of ``images``, with the box that is filled and the group of its class."""
    box = pool.photographs[row["image_id"]].box
    return digest(json.dumps([*row.values(), box, pool.group_of.get(row["class_idx"])]))


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


def _members(workspace: Workspace) -> dict[str, list[ImageId]]:
    return {
        entry.shard: workspace.read_part(part.path, ["image_id"])["image_id"].to_pylist()
        for entry, part in workspace.parts("masks")
    }


def _check_indexed(masks: Mapping[ImageId, Any], indexed: set[ImageId]) -> None:
    unknown_ids = masks.keys() - indexed
    if unknown_ids:
        raise RegroundError(
            f"{len(unknown_ids)} of {len(masks)} masks are of images that are not indexed "
            f"(first: {min(unknown_ids)}): run `reground masks` again."
        )


def _not_one_box(boxes: int) -> DropError:
    reason = DropReason.SEVERAL_BOXES if boxes else DropReason.NO_BOX
    return DropError(reason, f"expected 1 box, as the published filter does, got {boxes}")
