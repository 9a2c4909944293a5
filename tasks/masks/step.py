"""Masks: photograph and box -> foreground mask. Reads ``images``; writes ``masks``, ``dropped``.

Source: Xiao et al. 2020, the released generator: which boxes will do (``is_good_image``), and
GrabCut from the box (``get_fg_mask``). There GrabCut starts at random; here each image has a
seed of its own, so that the same image gets the same mask in any order, on any worker. Other
methods (docs/masks.md) make do with several boxes or none. Every mask gets a quality; those of
a low one stay in the table, with the reason why they are not to be used unseen.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.images import Box, DropError, ImageError, Photograph, check_size, enough_memory
from reground.tasks.kernels.geometry import central_crop, resized_crop, visible_pixels
from reground.tasks.masks.methods import REGISTRY, MaskSettings, faults, open_method, planned_method
from reground.tasks.masks.rle import encode_mask
from reground.tasks.masks.source import Mask, MaskMethod, PartialMask
from reground.tasks.schema import DroppedRow, DropReason, ImageRow, MaskRow
from reground.tasks.workspace import Output, PlanInputs, Shard, Step, Workspace, derive_seed, digest, image_shards

RESIZE_SHORT: Final = 256
"""Short side in pixels at which a box is held against the crop, as published."""
CROP_SIZE: Final = 224
"""Side in pixels of that crop."""
MAX_SHARE_OF_CROP: Final = 0.9
"""A box that covers more of the crop leaves no background to speak of."""
MIN_SHARE_IN_CROP: Final = 0.5
"""A box with a smaller share of itself inside the crop shows too little of the object."""


def plan(workspace: Workspace, settings: MaskSettings) -> list[Shard]:
    """One shard for each of the index's.

    Raises:
        UsageError: nothing of the kind where ``method`` points.
        RegroundError: nothing is indexed yet.
    """
    REGISTRY.warn()
    method = open_method(settings)
    workspace.require("images", "index")
    shards = image_shards(workspace)
    if method.origin:
        shards = [dataclasses.replace(shard, args={**shard.args, "plugin": method.origin}) for shard in shards]
    return (
        shards
        if method.shard_inputs is None
        else [_with_inputs(workspace, shard, method.shard_inputs) for shard in shards]
    )


def plan_inputs(workspace: Workspace, settings: MaskSettings) -> PlanInputs | None:
    """Of a method that is given something for each image: the ids of all, and what lies at `method`."""
    method = open_method(settings)
    workspace.require("images", "index")
    if method.shard_inputs is None:
        return None
    return PlanInputs(digest(workspace.table_digest("images"), method.origin), has_sources=True)


def work(workspace: Workspace, settings: MaskSettings, shard: Shard) -> Output:
    """The masks of one part of ``images``."""
    import cv2

    # Shards already keep every core busy; GrabCut's own threads would only be in their way.
    cv2.setNumThreads(1)
    method = planned_method(settings, shard.args.get("plugin", ""))
    masks: list[MaskRow] = []
    drops: list[DroppedRow] = []
    for row in workspace.read_part(shard.hints["part"]).to_pylist():
        try:
            with enough_memory(f"a mask of {row['uri']}"):
                mask_row, problems = _mask_row(row, method, settings, shard.args)
            masks.append(mask_row)
            drops += [DropError(DropReason.MASK_PART_INVALID, text).row("masks", row["image_id"]) for text in problems]
        except DropError as error:
            drops.append(error.row("masks", row["image_id"]))
    drops += [
        DropError(DropReason.MASK_QUARANTINED, row["quarantine"]).row("masks", row["image_id"])
        for row in masks
        if row["quarantine"] is not None
    ]
    return Output({"masks": masks, "dropped": drops})


def finalize(workspace: Workspace, settings: MaskSettings) -> None:
    """Hold what was made against what was pointed to, once all shards are made.

    Raises:
        UsageError: not one image got a mask though masks were supplied.
        RegroundError: the same of another method that needs no box.
    """
    method = open_method(settings)
    if method.needs_one_box or any(part.rows for _, part in workspace.parts("masks")):
        return
    rows = workspace.read("dropped")
    first = rows[rows["stage"] == "masks"].iloc[0]
    error = UsageError if settings.method.startswith("supplied:") else RegroundError
    raise error(
        f"expected masks by masks.method = '{settings.method}', got none for any image; the first, "
        f"{first['item']}: {first['reason']}: {first['detail']}. "
        f"All: `reground table dropped -w {workspace.shell_url} --to dropped.csv`."
    )


def check_box(photograph: Photograph) -> None:
    """Hold a box against the crop that people and models will see.

    Raises:
        DropError: it covers too much of the crop, or too little of it lies inside.
    """
    size = photograph.height, photograph.width
    try:
        check_size(RESIZE_SHORT, RESIZE_SHORT * max(size) // min(size))
    except ImageError as error:
        raise DropError(error.reason, f"resized for its crop: {error.detail}") from error
    inside = visible_pixels(photograph.box, central_crop(*size, RESIZE_SHORT, CROP_SIZE))
    whole = visible_pixels(photograph.box, resized_crop(*size, RESIZE_SHORT))
    if inside > MAX_SHARE_OF_CROP * CROP_SIZE**2:
        share = inside / CROP_SIZE**2
        raise DropError(DropReason.BOX_TOO_LARGE, f"{share:.1%} of the central crop, more than {MAX_SHARE_OF_CROP:.0%}")
    # A box thinner than a pixel after resizing shows nothing anywhere.
    if inside < MIN_SHARE_IN_CROP * whole or whole == 0:
        share = inside / max(whole, 1)
        raise DropError(
            DropReason.BOX_OUTSIDE_CROP,
            f"{share:.1%} of it lies in the central crop, less than {MIN_SHARE_IN_CROP:.0%}",
        )


def _with_inputs(workspace: Workspace, shard: Shard, shard_inputs: Callable[[Sequence[str]], Any]) -> Shard:
    ids = workspace.read_part(shard.hints["part"], ["image_id"])["image_id"].to_pylist()
    more = shard_inputs(ids)
    return dataclasses.replace(shard, inputs=(*shard.inputs, *more.inputs), args={**shard.args, **more.args})


def _mask_row(
    row: ImageRow, method: MaskMethod, settings: MaskSettings, shard_inputs: Mapping[str, Any]
) -> tuple[MaskRow, tuple[str, ...]]:
    """The mask of one image, and why parts of it cannot be used."""
    from reground.tasks.kernels.mask_quality import mask_quality

    photograph = _photograph(row, method)
    seed = derive_seed(settings.seed, photograph.image_id, bits=31) if method.uses_seed else 0
    pixels = functools.cache(photograph.load)
    result = method.find(photograph, pixels, seed, shard_inputs)
    whole, problems = (result.mask, result.problems) if isinstance(result, PartialMask) else (result, ())
    mask = _clip_to_box(whole, photograph.box)
    if not row["boxes"]:
        photograph = dataclasses.replace(photograph, box=_tight_box(mask))
        check_box(photograph)
    _check_area(mask, photograph, settings.min_area if method.estimated else 0.0)
    quality = mask_quality(pixels(), mask, photograph.box)
    reason = f"quality {quality.score:.2f}, below {settings.min_quality:g}: {quality.explanation()}"
    mask_row: MaskRow = {
        "image_id": photograph.image_id,
        "method": method.label,
        "rle": encode_mask(mask),
        "width": photograph.width,
        "height": photograph.height,
        "box": None if len(row["boxes"]) == 1 else photograph.box.to_dict(),
        "area_ratio": area_ratio(mask, photograph),
        "quality": quality.score,
        "quarantine": reason if quality.score < settings.min_quality else None,
        "seed": seed,
    }
    return mask_row, problems


def area_ratio(mask: Mask, photograph: Photograph) -> float:
    """Foreground pixels over pixels of the box, 0 to 1."""
    xmin, ymin, xmax, ymax = photograph.box
    return int(mask.sum()) / ((xmax - xmin) * (ymax - ymin))


def _photograph(row: ImageRow, method: MaskMethod) -> Photograph:
    """The photograph with where its object is: its box, that of all its boxes, or the whole image."""
    boxes = [Box(**box) for box in row["boxes"]]
    if method.needs_one_box and len(boxes) != 1:
        reason = DropReason.SEVERAL_BOXES if boxes else DropReason.NO_BOX
        raise DropError(reason, f"{len(boxes)} boxes, 1 is needed")
    if not boxes:
        return Photograph.of_row(row, Box(0, 0, row["width"], row["height"]).to_dict())
    corners = np.array(boxes)
    whole = Box(*(int(edge) for edge in (*corners[:, :2].min(axis=0), *corners[:, 2:].max(axis=0))))
    photograph = Photograph.of_row(row, whole.to_dict())
    check_box(photograph)
    return photograph


def _clip_to_box(mask: Mask, box: Box) -> Mask:
    """The mask without what lies outside the box: variants fill the box alone."""
    clipped = np.zeros_like(mask)
    window = slice(box.ymin, box.ymax), slice(box.xmin, box.xmax)
    clipped[window] = mask[window]
    if not clipped.any():
        raise DropError(DropReason.MASK_TOO_SMALL, "no foreground" + (" in the box" if mask.any() else ""))
    return clipped


def _tight_box(mask: Mask) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _check_area(mask: Mask, photograph: Photograph, min_ratio: float) -> None:
    ratio = area_ratio(mask, photograph)
    if ratio < min_ratio:
        raise DropError(DropReason.MASK_TOO_SMALL, f"{ratio:.1%} of the box, less than {min_ratio:.0%}")


STEP = Step(
    name="masks",
    version=4,
    settings=MaskSettings,
    plan=plan,
    work=work,
    conflicts_with=("imagenet9",),
    finalize=finalize,
    check=faults,
    plan_inputs=plan_inputs,
)
