"""Variants: the eight ImageNet-9 variants.

Reads ``images``, ``masks``, ``classes``; writes ``variants/NAME``, ``groups``, ``dropped``.

Source: Xiao et al. 2020, figure 1 and the released generator. Boxes are filled and tiled at
native size; then everything is resized to a short side of 256 by nearest neighbour and the
middle 224 x 224 cut out. The generator mixes at 256 x 256 and leaves the cut to 224 to its
reader: nearest neighbour and a hard mask treat every pixel alone, and the two cuts share their
centre, so the order changes no pixel. All eight tables hold the same images, but for mixed
ones that nobody can lend a background (each in ``dropped``).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tasks.backgrounds import RULES, Pool, background, choose, make_pool, tiled
from tasks.classes import load_groups
from tasks.errors import RegroundError, UsageError, unknown
from tasks.kernels import compose
from tasks.kernels.geometry import central_crop, take
from tasks.photographs import LeftOut, Photograph
from tasks.rle import decode_mask
from tasks.schema import VARIANTS
from tasks.step import Shard, Step
from tasks.store import Output, Workspace, digest

GROUPS_SHARD: Final = "groups"
COMPOSITIONS: Final = ("mask",)


@dataclass(frozen=True)
class VariantSettings:
    """Which variants, and how they are composed.

    Attributes:
        groups: ``imagenet9``, or a JSON or CSV file of own groups.
        compose: ``mask`` (the mask says what is foreground), ``parity`` (as published: what is black in
            Only-FG is background), or both: then ``parity`` makes the tables named ``..._parity``.
        fill: what takes the object's place in a background: ``tile`` (as published) or ``inpaint``.
        feather: width in pixels over which a pasted edge fades, 0: hard.
        seed: of the choice of backgrounds; combined with each image_id.
        size: side of the square variant images, pixels; always the same share of the photograph.
    """

    groups: str = "imagenet9"
    compose: tuple[str, ...] = ("mask",)
    fill: str = "tile"
    feather: float = 0.0
    seed: int = 0
    size: int = 224

    @property
    def short(self) -> int:
        """Short side in pixels before cropping: 256 for 224, as published."""
        return round(self.size * 256 / 224)


def plan(workspace: Workspace, settings: VariantSettings) -> list[Shard]:
    """One shard for each of the masks', and one for ``groups``.

    A background may come from any image, so every shard depends on all images and masks.

    Raises:
        UsageError: a setting that cannot be, or groups that cannot be read.
        RegroundError: there are no masks yet.
    """
    if settings.compose not in COMPOSITIONS:
        raise unknown("composition", settings.compose, COMPOSITIONS)
    if settings.size < 1:
        raise UsageError(f"expected variants.size from 1 pixel up, got {settings.size}")
    workspace.require("masks", "masks")
    groups = digest(json.dumps(_groups(workspace, settings)))
    pool = digest(workspace.table_digest("images"), workspace.table_digest("masks"), groups)
    shards = [
        Shard(entry.shard, (part.sha256, pool), {"part": part.path, "pool": pool}, part.rows)
        for entry, part in workspace.parts("masks")
    ]
    return [*shards, Shard(GROUPS_SHARD, (groups,), size=0)]


def work(workspace: Workspace, settings: VariantSettings, shard: Shard) -> Output:
    """The variants of one part of ``masks``, or the table ``groups``."""
    if shard.id == GROUPS_SHARD:
        return Output({"groups": _groups(workspace, settings)})
    pool = _pool(workspace.url, shard.args["pool"], settings.groups)
    tables: dict[str, list[dict[str, Any]]] = {f"variants/{name}": [] for name in VARIANTS} | {"dropped": []}
    for mask_row in workspace.read_part(shard.args["part"]).to_pylist():
        photograph = pool.photographs[mask_row["image_id"]]
        try:
            group = pool.group(photograph)
        except LeftOut as why:
            tables["dropped"].append(why.row("variants", photograph.image_id))
            continue
        for name, row in _rows(photograph, group, mask_row, pool, settings):
            tables[name].append(row)
    return Output(tables)


def _rows(
    photograph: Photograph, group: int, mask_row: Mapping[str, Any], pool: Pool, settings: VariantSettings
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each variant of a photograph as (table, row)."""
    pixels, mask, unmixed = _unmixed(photograph, mask_row, settings)
    row = {"class_idx": photograph.class_idx, "group": group, "image_id": photograph.image_id}
    for name, variant in unmixed.items():
        image = {"bytes": _png(variant), "path": f"{photograph.image_id}.png"}
        yield f"variants/{name}", {**row, "background_id": None, "background_group": None, "seed": 0, "image": image}
    for name in RULES:
        try:
            lender, seed = choose(pool, name, photograph, settings.seed)
        except LeftOut as why:
            yield "dropped", why.row("variants", photograph.image_id)
            continue
        mixed = compose.paste(pixels, mask, background(pool, lender, settings.short, settings.size))
        image = {"bytes": _png(mixed), "path": f"fg_{photograph.image_id}_bg_{lender}.png"}
        lent = {"background_id": lender, "background_group": pool.group(pool.photographs[lender])}
        yield f"variants/{name}", {**row, **lent, "seed": seed, "image": image}


def _unmixed(
    photograph: Photograph, mask_row: Mapping[str, Any], settings: VariantSettings
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """The cropped photograph, its cropped mask, and the variants made of these two alone."""
    native = photograph.load()
    crop = central_crop(photograph.height, photograph.width, settings.short, settings.size)
    pixels = take(native, crop)
    mask = take(decode_mask(mask_row["rle"], mask_row["height"], mask_row["width"]), crop)
    variants = {
        "original": pixels,
        "only_bg_b": take(compose.black_box(native, photograph.box), crop),
        "only_bg_t": tiled(photograph, native, settings.short, settings.size),
        "no_fg": compose.without_foreground(pixels, mask),
        "only_fg": compose.only_foreground(pixels, mask),
    }
    return pixels, mask, variants


@functools.lru_cache(maxsize=1)
def _pool(url: str, key: str, groups: str) -> Pool:
    """All photographs with a mask; read once a process, for all of its shards."""
    workspace = Workspace(url)
    rows = _groups(workspace, VariantSettings(groups=groups))
    named = {row["group"]: row["name"] for row in rows}
    masked = {row["image_id"] for row in _table(workspace, "masks", ["image_id"])}
    needed = ["image_id", "uri", "class_idx", "width", "height", "boxes"]
    found = [Photograph.of_row(row) for row in _table(workspace, "images", needed) if row["image_id"] in masked]
    strangers = masked - {photograph.image_id for photograph in found}
    if strangers:
        raise RegroundError(
            f"{len(strangers)} of {len(masked)} masks are of images that are not indexed "
            f"(first: {min(strangers)}): run `reground masks` again."
        )
    return make_pool(key, named, {row["class_idx"]: row["group"] for row in rows}, found)


def _groups(workspace: Workspace, settings: VariantSettings) -> list[dict[str, Any]]:
    rows, _ = load_groups(settings.groups, list(_table(workspace, "classes")))
    return rows


def _table(workspace: Workspace, name: str, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    for _, part in workspace.parts(name):
        yield from workspace.read_part(part.path, columns).to_pylist()


def _png(pixels: np.ndarray) -> bytes:
    import cv2

    written, content = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    if not written:
        raise ValueError(f"OpenCV wrote no PNG of an array of {pixels.shape} {pixels.dtype}")
    return content.tobytes()


STEP = Step(name="variants", version=1, settings=VariantSettings, plan=plan, work=work)
