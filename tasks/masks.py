"""Masks: box -> foreground mask. Reads ``images``; writes ``masks``, ``dropped``.

Source: Xiao et al. 2020, the released generator: which boxes will do (``is_good_image``), and
GrabCut from the box (``get_fg_mask``). There GrabCut starts at random; here each image has a
seed of its own, so that the same image gets the same mask in any order, on any worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tasks.errors import UsageError, unknown
from tasks.kernels.geometry import central_crop, pixels_shown, resized_crop
from tasks.photographs import LeftOut, Photograph
from tasks.rle import encode_mask
from tasks.schema import DropReason
from tasks.seed import derive_seed
from tasks.step import Shard, Step, image_shards
from tasks.store import Output, Workspace

METHODS: Final = ("grabcut",)
RESIZED: Final = 256
"""Short side in pixels at which a box is held against the crop, as published."""
CROPPED: Final = 224
"""Side in pixels of that crop."""
MOST_OF_CROP: Final = 0.9
"""A box that covers more of the crop leaves no background to speak of."""
LEAST_IN_CROP: Final = 0.5
"""A box with a smaller share of itself inside the crop shows too little of the object."""


@dataclass(frozen=True)
class MaskSettings:
    """How a mask is made.

    Attributes:
        method: ``grabcut`` (Xiao et al. 2020).
        iterations: of GrabCut.
        seed: of GrabCut's random start; combined with each image_id.
        min_area: smallest foreground as a share of the box, below which the mask failed.
        min_quality: masks of a lower quality are quarantined.
    """

    method: str = "grabcut"
    iterations: int = 5
    seed: int = 0
    min_area: float = 0.1
    min_quality: float = 0.0


def plan(workspace: Workspace, settings: MaskSettings) -> list[Shard]:
    """One shard for each of the index's.

    Raises:
        UsageError: a setting that cannot be.
        RegroundError: nothing is indexed yet.
    """
    if settings.method not in METHODS:
        raise unknown("mask method", settings.method, METHODS)
    if settings.iterations < 1 or not 0 <= settings.min_area <= 1:
        raise UsageError(
            "expected masks.iterations from 1 up and masks.min_area from 0 to 1, "
            f"got {settings.iterations} and {settings.min_area}"
        )
    workspace.require("images", "index")
    return image_shards(workspace)


def work(workspace: Workspace, settings: MaskSettings, shard: Shard) -> Output:
    """The masks of one part of ``images``."""
    import cv2

    # Shards already keep every core busy; GrabCut's own threads would only be in their way.
    cv2.setNumThreads(1)
    masks: list[dict[str, Any]] = []
    dropped: list[dict[str, Any]] = []
    for row in workspace.read_part(shard.args["part"]).to_pylist():
        try:
            masks.append(_mask_row(row, settings))
        except LeftOut as why:
            dropped.append(why.row("masks", row["image_id"]))
    return Output({"masks": masks, "dropped": dropped})


def check_box(photograph: Photograph) -> None:
    """Hold a box against the crop that people and models will see.

    Raises:
        LeftOut: it covers too much of the crop, or too little of it lies inside.
    """
    size = photograph.height, photograph.width
    inside = pixels_shown(photograph.box, central_crop(*size, RESIZED, CROPPED))
    whole = pixels_shown(photograph.box, resized_crop(*size, RESIZED))
    if inside > MOST_OF_CROP * CROPPED**2:
        share = inside / CROPPED**2
        raise LeftOut(DropReason.BOX_TOO_LARGE, f"{share:.1%} of the central crop, more than {MOST_OF_CROP:.0%}")
    # A box thinner than a pixel after resizing shows nothing anywhere.
    if inside < LEAST_IN_CROP * whole or whole == 0:
        share = inside / max(whole, 1)
        raise LeftOut(
            DropReason.BOX_OUTSIDE_CROP, f"{share:.1%} of it lies in the central crop, less than {LEAST_IN_CROP:.0%}"
        )


def _mask_row(row: Mapping[str, Any], settings: MaskSettings) -> dict[str, Any]:
    from tasks.kernels.grabcut import mask_quality

    if len(row["boxes"]) != 1:
        several = len(row["boxes"]) > 1
        raise LeftOut(
            DropReason.SEVERAL_BOXES if several else DropReason.NO_BOX, f"{len(row['boxes'])} boxes, 1 is needed"
        )
    photograph = Photograph.of_row(row)
    check_box(photograph)
    seed = derive_seed(settings.seed, photograph.image_id, bits=31)
    pixels = photograph.load()
    mask = _foreground(pixels, photograph, settings, seed)
    return {
        "image_id": photograph.image_id,
        "method": settings.method,
        "rle": encode_mask(mask),
        "width": photograph.width,
        "height": photograph.height,
        "box": None,
        "area_ratio": area_ratio(mask, photograph),
        "quality": mask_quality(pixels, mask, photograph.box),
        "quarantine": None,
        "seed": seed,
    }


def area_ratio(mask: np.ndarray, photograph: Photograph) -> float:
    """Foreground pixels over pixels of the box, 0 to 1."""
    xmin, ymin, xmax, ymax = photograph.box
    return int(mask.sum()) / ((xmax - xmin) * (ymax - ymin))


def _foreground(pixels: np.ndarray, photograph: Photograph, settings: MaskSettings, seed: int) -> np.ndarray:
    from tasks.kernels.grabcut import SegmentationError, grabcut

    try:
        mask = grabcut(pixels, photograph.box, settings.iterations, seed)
    except SegmentationError as error:
        raise LeftOut(DropReason.MASK_FAILED, str(error)) from error
    found = area_ratio(mask, photograph)
    if found < settings.min_area:
        raise LeftOut(DropReason.MASK_TOO_SMALL, f"{found:.1%} of the box, less than {settings.min_area:.0%}")
    return mask


STEP = Step(name="masks", version=1, settings=MaskSettings, plan=plan, work=work)
