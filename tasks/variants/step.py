"""Variants: the eight ImageNet-9 variants.

Reads ``images``, ``masks``, ``classes``; writes ``variants/NAME``, ``foregrounds``, ``composition_differences``,
``groups``, ``variant_inputs``, ``dropped``.

A shard depends on its own photographs and on those that provide their backgrounds. Where one of them has changed, the
shard is made again, but only the rows of the photographs concerned: the others come from the shard's old files.

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

import dataclasses
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from reground.tasks.errors import RegroundError
from reground.tasks.images import GROUPS, DropError, GroupCoverage, enough_memory, load_groups, read_group_map
from reground.tasks.schema import PUBLISHED_VARIANTS, VARIANTS, ImageId, MaskRow, Row
from reground.tasks.variants.compose import PUBLISHED_COMPOSITION, Composition, Subject, VariantImage, compose_variants
from reground.tasks.variants.inputs import VariantInputs, load_inputs, pool_key, read_groups, read_rows
from reground.tasks.variants.pool import COMPOSITIONS, MASK, PUBLISHED
from reground.tasks.variants.reuse import DIGESTS, files_of, unchanged_images, unchanged_rows
from reground.tasks.variants.selection import singletons
from reground.tasks.workspace import (
    Fault,
    Location,
    NonNegativeFloat,
    NonNegativeInt,
    Output,
    PlanInputs,
    PositiveInt,
    Shard,
    Step,
    Workspace,
    digest,
    overlaps,
    refused,
)

GROUPS_SHARD: Final = "groups"
_PUBLISHED_ALONE: Final = "variants.compose 'published' (`mask,published` makes both)"
MAX_SIZE: Final = 4096
"""Side of a variant; a shard holds its variants in memory, ten and more of each photograph."""
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
        size: side of the square variant images, pixels, at most 4096; they show the same part of the photograph at any
            size.
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
    if settings.size > MAX_SIZE:
        yield Fault("size", f"expected at most {MAX_SIZE:,} pixels, got {settings.size:,}")
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

    Its inputs are the digests of its photographs, which include the photographs that provide their backgrounds.

    Raises:
        UsageError: groups that cannot be read.
        RegroundError: there are no masks, or masks that composition ``published`` cannot use.
    """
    workspace.require("masks", "masks")
    if PUBLISHED in settings.compose:
        _require_published_masks(workspace)
    key = pool_key(workspace, settings.groups)
    inputs = _inputs(workspace, settings, key)
    parts = {entry.shard: part for entry, part in workspace.parts("masks")}
    entries = {entry.shard: files_of(entry) for entry in workspace.entries(STEP.name)}
    earlier = overlaps(list(parts), list(entries))
    keys, key_of = workspace.keys(STEP.name), STEP.keys(settings)
    shards: list[Shard] = []
    for name, part in parts.items():
        files = [entries[other] for other in earlier[name]]
        digests = {image_id: inputs.digests[image_id] for image_id in inputs.shards[name]}
        hints = {"part": part.path, "pool": key, "earlier": files}
        shard = Shard(name, tuple(digests.values()), size=part.rows, hints=hints)
        if keys.get(name) != key_of(shard):
            fresh = part.rows - len(unchanged_images(workspace, files, digests))
            shard = dataclasses.replace(shard, fresh=fresh)
        shards.append(shard)
    return [*shards, Shard(GROUPS_SHARD, (digest(json.dumps(read_groups(workspace, settings.groups))),), size=0)]


def plan_inputs(workspace: Workspace, settings: VariantSettings) -> PlanInputs:
    """All photographs, their masks and the groups: to plan, every file of two tables is read."""
    workspace.require("masks", "masks")
    return PlanInputs(pool_key(workspace, settings.groups))


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
        return Output({"groups": read_groups(workspace, settings.groups)})
    inputs = _inputs(workspace, settings, shard.hints["pool"])
    tables: dict[str, list[Row]] = {name: [] for name in _tables(settings)}
    mask_rows = workspace.read_part(shard.hints["part"]).to_pylist()
    digests: dict[ImageId, str] = {row["image_id"]: inputs.digests[row["image_id"]] for row in mask_rows}
    unchanged = unchanged_rows(workspace, shard.hints["earlier"], digests, list(tables))
    for mask_row in mask_rows:
        image_id = mask_row["image_id"]
        if image_id in unchanged:
            for name, rows in unchanged[image_id].items():
                tables[name] += rows
            continue
        for name, row in _photograph_rows(mask_row, inputs, settings):
            tables[name].append(row)
    return Output({**tables, DIGESTS: [{"image_id": name, "digest": value} for name, value in digests.items()]})


def finalize(workspace: Workspace, settings: VariantSettings) -> None:
    """Log the coverage of the groups, and warn where ``published`` pastes an image onto itself."""
    groups = coverage(workspace, settings)
    log.log(logging.WARNING if groups.extra else logging.INFO, "groups '%s': %s", settings.groups, groups)
    if PUBLISHED in settings.compose:
        for name in singletons(_inputs(workspace, settings, pool_key(workspace, settings.groups)).pool):
            log.warning("group '%s' has one usable image: mixed_same as published pastes it onto itself", name)


def coverage(workspace: Workspace, settings: VariantSettings) -> GroupCoverage:
    """Coverage of the workspace's classes by the groups.

    Raises:
        UsageError: groups that cannot be read.
    """
    return load_groups(settings.groups, list(read_rows(workspace, "classes")))[1]


def _tables(settings: VariantSettings) -> list[str]:
    """The tables that a shard writes, possibly without rows; the digests come beside them."""
    main = [*(f"variants/{name}" for name in VARIANTS), "foregrounds", "dropped"]
    return main + (
        [*(f"variants/{name}" for name in PUBLISHED_VARIANTS), "composition_differences"]
        if _composes_both(settings)
        else []
    )


def _composes_both(settings: VariantSettings) -> bool:
    """Whether both compositions are made, to compare them."""
    return {MASK, PUBLISHED} <= set(settings.compose)


def _photograph_rows(mask_row: MaskRow, inputs: VariantInputs, settings: VariantSettings) -> Iterator[tuple[str, Row]]:
    """All rows of one photograph, as (table, row)."""
    photograph = inputs.pool.photographs[mask_row["image_id"]]
    try:
        with enough_memory(f"variants of {photograph.uri}"):
            group = inputs.pool.group(photograph)
            subject = Subject.of(photograph, group, mask_row, settings.short, settings.size)
            rows = list(_subject_rows(subject, inputs, settings))
    except DropError as error:
        rows = [("dropped", error.row("variants", photograph.image_id))]
    yield from rows


def _subject_rows(subject: Subject, inputs: VariantInputs, settings: VariantSettings) -> Iterator[tuple[str, Row]]:
    by_mask = Composition(MASK, settings.fill, settings.feather)
    main = by_mask if MASK in settings.compose else PUBLISHED_COMPOSITION
    images, drop_errors = compose_variants(subject, inputs, main)
    if images:
        yield "foregrounds", subject.row()
    for name, image in images.items():
        yield f"variants/{name}", subject.variant_row(image, inputs.pool)
    for error in drop_errors:
        yield "dropped", error.row("variants", subject.image_id)
    if _composes_both(settings):
        yield from _difference_rows(subject, inputs, images)


def _difference_rows(
    subject: Subject, inputs: VariantInputs, by_mask: Mapping[str, VariantImage]
) -> Iterator[tuple[str, Row]]:
    """Rows of the variants of composition ``published``, and of their differences from composition ``mask``."""
    published_images, drop_errors = compose_variants(subject, inputs, PUBLISHED_COMPOSITION)
    for error in drop_errors:
        yield "dropped", DropError(error.reason, f"{PUBLISHED}: {error.detail}").row("variants", subject.image_id)
    for name in PUBLISHED_VARIANTS:
        variant = name.removesuffix(f"_{PUBLISHED}")
        if variant in published_images:
            yield f"variants/{name}", subject.variant_row(published_images[variant], inputs.pool)
        if variant in published_images and variant in by_mask:
            yield (
                "composition_differences",
                subject.difference_row(variant, by_mask[variant], published_images[variant]),
            )


def _inputs(workspace: Workspace, settings: VariantSettings, key: str) -> VariantInputs:
    recipe = json.dumps([STEP.version, STEP.key_settings(settings)], sort_keys=True)
    return load_inputs(workspace.url, key, settings.groups, settings.seed, settings.compose, recipe)


STEP = Step(
    "variants",
    version=4,
    settings=VariantSettings,
    plan=plan,
    work=work,
    conflicts_with=("imagenet9",),
    finalize=finalize,
    check=faults,
    plan_inputs=plan_inputs,
)
