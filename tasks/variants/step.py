"""Variants: the eight ImageNet-9 variants.

Reads ``images``, ``masks``, ``classes``; writes ``variants/NAME``, ``foregrounds``, ``composition_differences``,
``groups``, ``dropped``.

Source: Xiao et al. 2020, figure 1 and the released generator. Boxes are filled and tiled at
native size; then images are resized to a short side of 256 by nearest neighbour and
center-cropped to 224 x 224. The generator mixes at 256 x 256 and leaves the crop to 224 to the
data loader. Nearest neighbour and a hard edge treat each pixel independently and both crops have
the same center, so the order changes no pixel. Composition ``published`` gives the same pixels as
the generator for the same mask, with one exception: EXIF rotation and transparency are applied
here and ignored there.

All eight tables have the same images, except for mixed variants without a background source,
which are in ``dropped``.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from reground.tasks.errors import RegroundError
from reground.tasks.images import GROUPS, DropError, GroupCoverage, Photograph, load_groups, read_group_map
from reground.tasks.schema import PUBLISHED_VARIANTS, VARIANTS, DropReason, GroupRow, Row
from reground.tasks.variants.compose import PUBLISHED_COMPOSITION, Composition, Subject, VariantImage, compose_variants
from reground.tasks.variants.pool import COMPOSITIONS, MASK, PUBLISHED, BackgroundPool, make_pool
from reground.tasks.variants.selection import singletons
from reground.tasks.workspace import (
    Fault,
    Location,
    NonNegativeFloat,
    NonNegativeInt,
    Output,
    PositiveInt,
    Shard,
    Step,
    Workspace,
    digest,
    refused,
)

GROUPS_SHARD: Final = "groups"
_PUBLISHED_ALONE: Final = "variants.compose 'published' (`mask,published` makes both)"
PUBLISHED_METHOD: Final = "grabcut"
PUBLISHED_MIN_AREA: Final = 0.1
"""Minimum share of the box that is foreground; the published generator skips images below it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VariantSettings:
    """Which variants, and how they are composed.

    Attributes:
        groups: ``imagenet9``, or a JSON or CSV file of your own groups.
        compose: ``mask`` (paste the pixels of the mask), ``published`` (as published: black pixels of Only-FG
            are background), or both: then ``published`` writes the tables named ``..._published``.
        fill: how the box is filled in a background: ``tile`` (as published) or ``inpaint``.
        feather: width of the soft edge in pixels; 0: a hard edge.
        seed: seed of the background selection; combined with each image_id.
        size: side of the square variant images, pixels; they show the same part of the photograph at any size.
    """

    groups: Annotated[str, Location(names=GROUPS)] = "imagenet9"
    compose: tuple[Literal["mask", "published"], ...] = ("mask",)
    fill: Literal["tile", "inpaint"] = "tile"
    feather: NonNegativeFloat = 0.0
    seed: NonNegativeInt = 0
    size: PositiveInt = 224

    @property
    def short(self) -> int:
        """Short side in pixels before cropping: 256 for 224, as published."""
        return round(self.size * 256 / 224)


def faults(settings: VariantSettings) -> Iterator[Fault]:
    """Faults of the settings, found without reading images."""
    yield from refused("groups", read_group_map, settings.groups)
    if not settings.compose:
        yield Fault("compose", f"expected one of: {', '.join(COMPOSITIONS)}, or both; got none")
    if settings.feather > settings.size:
        yield Fault("feather", f"expected at most variants.size, {settings.size} pixels, got {settings.feather:g}")
    if settings.compose == (PUBLISHED,) and settings.fill != "tile":
        yield Fault("fill", f"expected 'tile', as published, with {_PUBLISHED_ALONE}, got '{settings.fill}'")
    if settings.compose == (PUBLISHED,) and settings.feather:
        yield Fault("feather", f"expected 0, as published, with {_PUBLISHED_ALONE}, got {settings.feather:g}")


def plan(workspace: Workspace, settings: VariantSettings) -> list[Shard]:
    """One shard per shard of ``masks``, and one for ``groups``.

    A background may come from any image, so each shard depends on all images and masks.

    Raises:
        UsageError: groups that cannot be read.
        RegroundError: there are no masks, or masks that composition ``published`` cannot use.
    """
    workspace.require("masks", "masks")
    if PUBLISHED in settings.compose:
        _require_published_masks(workspace)
    groups, pool = digest(json.dumps(_groups(workspace, settings))), _pool_key(workspace, settings)
    shards = [
        Shard(entry.shard, (part.sha256, pool), {"part": part.path, "pool": pool}, part.rows)
        for entry, part in workspace.parts("masks")
    ]
    return [*shards, Shard(GROUPS_SHARD, (groups,), size=0)]


def _require_published_masks(workspace: Workspace) -> None:
    masks = workspace.read("masks", ["method", "area_ratio"])
    methods = sorted(set(masks["method"]) - {PUBLISHED_METHOD})
    if methods:
        problem = f"found masks made by {', '.join(methods)}"
    elif (masks["area_ratio"] < PUBLISHED_MIN_AREA).any():
        problem = f"found masks of less than {PUBLISHED_MIN_AREA:.0%} of their box"
    else:
        return
    raise RegroundError(
        "expected masks as published (GrabCut, 5 iterations, at least 10 % of the box) to compose as published, "
        f"{problem}: run `reground masks -w {workspace.shell_url} --method grabcut --iterations 5` first, "
        "or compose by mask."
    )


def work(workspace: Workspace, settings: VariantSettings, shard: Shard) -> Output:
    """The variants of one part of ``masks``, or the table ``groups``."""
    if shard.id == GROUPS_SHARD:
        return Output({"groups": _groups(workspace, settings)})
    pool = _pool(workspace.url, shard.args["pool"], settings.groups)
    tables: dict[str, list[Row]] = {name: [] for name in _tables(settings)}
    for mask_row in workspace.read_part(shard.args["part"]).to_pylist():
        photograph = pool.photographs[mask_row["image_id"]]
        try:
            group = pool.group(photograph)
            subject = Subject.of(photograph, group, mask_row, settings.short, settings.size)
        except DropError as error:
            tables["dropped"].append(error.row("variants", photograph.image_id))
            continue
        for name, row in _rows(subject, pool, settings):
            tables[name].append(row)
    return Output(tables)


def finalize(workspace: Workspace, settings: VariantSettings) -> None:
    """Log the coverage of the groups, and warn where ``published`` pastes an image onto itself."""
    groups = coverage(workspace, settings)
    log.log(logging.WARNING if groups.extra else logging.INFO, "groups '%s': %s", settings.groups, groups)
    if PUBLISHED in settings.compose:
        for name in singletons(_pool(workspace.url, _pool_key(workspace, settings), settings.groups)):
            log.warning("group '%s' has one usable image: mixed_same as published pastes it onto itself", name)


def coverage(workspace: Workspace, settings: VariantSettings) -> GroupCoverage:
    """Coverage of the workspace's classes by the groups.

    Raises:
        UsageError: groups that cannot be read.
    """
    return load_groups(settings.groups, list(_table(workspace, "classes")))[1]


def _tables(settings: VariantSettings) -> list[str]:
    """The tables that a shard writes, possibly without rows."""
    main = [*(f"variants/{name}" for name in VARIANTS), "foregrounds", "dropped"]
    return main + (
        [*(f"variants/{name}" for name in PUBLISHED_VARIANTS), "composition_differences"]
        if _composes_both(settings)
        else []
    )


def _composes_both(settings: VariantSettings) -> bool:
    """Whether both compositions are made, to compare them."""
    return {MASK, PUBLISHED} <= set(settings.compose)


def _rows(subject: Subject, pool: BackgroundPool, settings: VariantSettings) -> Iterator[tuple[str, Row]]:
    """All rows of one photograph, as (table, row)."""
    by_mask = Composition(MASK, settings.fill, settings.feather)
    main = by_mask if MASK in settings.compose else PUBLISHED_COMPOSITION
    images, drop_errors = compose_variants(subject, pool, main, settings.seed)
    if images:
        yield "foregrounds", subject.row()
    for name, image in images.items():
        yield f"variants/{name}", subject.variant_row(image, pool)
    for error in drop_errors:
        yield "dropped", error.row("variants", subject.image_id)
    if _composes_both(settings):
        yield from _difference_rows(subject, pool, images, settings.seed)


def _difference_rows(
    subject: Subject, pool: BackgroundPool, by_mask: Mapping[str, VariantImage], seed: int
) -> Iterator[tuple[str, Row]]:
    """Rows of the variants of composition ``published``, and of their differences from composition ``mask``."""
    published_images, drop_errors = compose_variants(subject, pool, PUBLISHED_COMPOSITION, seed)
    for error in drop_errors:
        yield "dropped", DropError(error.reason, f"{PUBLISHED}: {error.detail}").row("variants", subject.image_id)
    for name in PUBLISHED_VARIANTS:
        variant = name.removesuffix(f"_{PUBLISHED}")
        if variant in published_images:
            yield f"variants/{name}", subject.variant_row(published_images[variant], pool)
        if variant in published_images and variant in by_mask:
            yield (
                "composition_differences",
                subject.difference_row(variant, by_mask[variant], published_images[variant]),
            )


def _pool_key(workspace: Workspace, settings: VariantSettings) -> str:
    groups = json.dumps(_groups(workspace, settings))
    return digest(workspace.table_digest("images"), workspace.table_digest("masks"), groups)


@functools.lru_cache(maxsize=1)
def _pool(url: str, key: str, groups: str) -> BackgroundPool:
    """All photographs with a mask; read once per process, for all of its shards."""
    workspace = Workspace(url)
    rows = _groups(workspace, VariantSettings(groups=groups))
    masks = {row["image_id"]: row for row in _table(workspace, "masks", ["image_id", "box", "quarantine"])}
    columns = ["image_id", "uri", "class_idx", "width", "height", "boxes"]
    images = [row for row in _table(workspace, "images", columns) if row["image_id"] in masks]
    unknown_ids = masks.keys() - {row["image_id"] for row in images}
    if unknown_ids:
        raise RegroundError(
            f"{len(unknown_ids)} of {len(masks)} masks are of images that are not indexed "
            f"(first: {min(unknown_ids)}): run `reground masks` again."
        )
    exclusions = {
        MASK: {i: DropError(DropReason.MASK_QUARANTINED, m["quarantine"]) for i, m in masks.items() if m["quarantine"]},
        PUBLISHED: {row["image_id"]: _not_one_box(len(row["boxes"])) for row in images if len(row["boxes"]) != 1},
    }
    photographs = [Photograph.of_row(row, masks[row["image_id"]]["box"]) for row in images]
    names = {row["group"]: row["name"] for row in rows}
    return make_pool(key, names, {row["class_idx"]: row["group"] for row in rows}, photographs, exclusions)


def _not_one_box(boxes: int) -> DropError:
    reason = DropReason.SEVERAL_BOXES if boxes else DropReason.NO_BOX
    return DropError(reason, f"expected 1 box, as the published filter does, got {boxes}")


def _groups(workspace: Workspace, settings: VariantSettings) -> list[GroupRow]:
    rows, _ = load_groups(settings.groups, list(_table(workspace, "classes")))
    return rows


def _table(workspace: Workspace, name: str, columns: Sequence[str] | None = None) -> Iterator[Any]:
    for _, part in workspace.parts(name):
        yield from workspace.read_part(part.path, columns).to_pylist()


STEP = Step(
    "variants",
    version=3,
    settings=VariantSettings,
    plan=plan,
    work=work,
    conflicts_with=("imagenet9",),
    finalize=finalize,
    check=faults,
)
