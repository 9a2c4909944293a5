"""Step ``imagenet9``: a folder in the layout of the released ImageNet-9 data -> images and variants.

Writes ``classes``, ``groups``, ``images``, ``foregrounds``, ``variants/NAME`` and ``dropped``. It replaces
``index``, ``masks`` and ``variants``, in a workspace of its own. The folder is the published archive or an
export of this project (`reground.tasks.export.imagenet9`). Variants keep the bytes of their files, so models
get the same pixels as from the published evaluators.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import reground.tasks.imagenet9.layout as layout
from reground.tasks.errors import RegroundError
from reground.tasks.imagenet9.folder import (
    Archive,
    ArchiveFile,
    ArchiveImage,
    check_layout,
    read_archive,
    read_vocabulary,
)
from reground.tasks.imagenet9.mask_file import read_mask
from reground.tasks.images import DecodedImage, DropError, ImageError, decode
from reground.tasks.masks import encode_mask
from reground.tasks.schema import VARIANTS, DropReason, ImageRow, Row
from reground.tasks.workspace import (
    Fault,
    FilePath,
    Output,
    PositiveInt,
    Shard,
    Step,
    Workspace,
    digest,
    partition,
    refused,
)

log = logging.getLogger(__name__)

VOCABULARY: Final = "vocabulary"
CONFLICTS_WITH: Final = ("index", "masks", "variants")
"""Steps that write the same tables."""
IMAGES_PER_SHARD: Final = 64
"""Most images per shard, each with its variants."""
BYTES_PER_PIXEL: Final = 8
"""Upper bound for an image or a mask, uncompressed."""
HEADROOM: Final = 1_000_000
"""Bytes that a file may have in addition to its pixels."""


@dataclass(frozen=True)
class Imagenet9Settings:
    """Settings of the step ``imagenet9``.

    Attributes:
        folder: folder with ``original/val/00_dog/*.JPEG``, the other variants and ``fg_mask``.
        size: side of the square images in pixels; images of another size are dropped.
    """

    folder: FilePath = ""
    size: PositiveInt = 224


def faults(settings: Imagenet9Settings) -> Iterator[Fault]:
    """Check the settings before any file is listed."""
    if not settings.folder:
        yield Fault("folder", "expected the folder of the released data: `reground imagenet9 import FOLDER -w W`")
    else:
        yield from refused("folder", check_layout, Path(settings.folder).absolute())


def plan(workspace: Workspace, settings: Imagenet9Settings) -> list[Shard]:
    """One shard for the vocabulary and the dropped files, and shards of at most `IMAGES_PER_SHARD` images, cut by
    the hashes of their ids.

    Raises:
        UsageError: the folder has another layout.
    """
    archive = read_archive(Path(settings.folder).absolute())
    drops = [DropError(drop.reason, drop.detail).row(STEP.name, drop.item) for drop in archive.drops]
    vocabulary_digest = digest(repr(archive.classes), repr(archive.groups))
    images = sorted(archive.images.values(), key=lambda image: image.image_id)
    cells = partition([image.image_id for image in images], IMAGES_PER_SHARD)
    return [
        Shard(VOCABULARY, (vocabulary_digest,), {"drops": drops}, size=0),
        *(_shard(archive, name, [images[n] for n in cell]) for name, cell in cells.items()),
    ]


def work(workspace: Workspace, settings: Imagenet9Settings, shard: Shard) -> Output:
    """Make the vocabulary, or the rows of the shard's images; each file is read once."""
    if shard.id == VOCABULARY:
        classes, groups = read_vocabulary(Path(settings.folder).absolute())
        return Output({"classes": classes, "groups": groups, "dropped": shard.args["drops"]})
    tables: dict[str, list[Row]] = {name: [] for name in ("images", *shard.args["tables"], "dropped")}
    for image in shard.args["images"]:
        for name, row in _rows(image, settings.size):
            tables[name].append(row)
    return Output(tables)


def finalize(workspace: Workspace, settings: Imagenet9Settings) -> None:
    """Log incomplete sets after the last shard.

    Raises:
        RegroundError: no image is usable; the message gives the first reason.
    """
    count = {name: sum(part.rows for _, part in workspace.parts(name)) for name in workspace.tables()}
    if not count.get("images"):
        rows = workspace.read("dropped")
        first = rows[rows["item"].str.startswith(f"{layout.ORIGINAL}/")].head(1).to_dict("records")
        detail = f"{first[0]['item']}: {first[0]['reason']}, {first[0]['detail']}" if first else "the set is empty"
        raise RegroundError(
            f"expected images of {settings.size} x {settings.size} pixels (imagenet9.size) in "
            f"{settings.folder}/{layout.ORIGINAL}, found none that is usable. First: {detail}. "
            f"All: `reground table dropped -w {workspace.shell_url} --to dropped.csv`."
        )
    for name in (*(f"variants/{name}" for name in VARIANTS), "foregrounds"):
        if (rows := count.get(name, 0)) < count["images"]:
            log.warning("%s: %d of %d images have none", name, count["images"] - rows, count["images"])
    _warn_about_mismatches(workspace)


def _warn_about_mismatches(workspace: Workspace) -> None:
    group_of = workspace.read("groups").set_index("class_idx")["group"]
    original = workspace.read(f"variants/{layout.ORIGINAL}", ["image_id", "class_idx", "group"])
    mismatches = original[original["class_idx"].map(group_of) != original["group"]]
    if len(mismatches):
        log.warning(
            "%d of %d images are in the folder of another group than that of their class (first: %s): evaluation uses "
            "the group of the folder, as the published evaluators do",
            *(len(mismatches), len(original), mismatches["image_id"].iloc[0]),
        )


# Planning


def _shard(archive: Archive, name: str, images: Sequence[ArchiveImage]) -> Shard:
    stamps = tuple(file.entry.stamp for image in images for file in image.files.values())
    tables = ["foregrounds" if kind == layout.MASKS else f"variants/{kind}" for kind in archive.sets]
    wnid_of: dict[int, str] = {row["class_idx"]: next(iter(row["wnids"]), "") for row in archive.classes}
    args = {"tables": tables, "images": [_args(image, wnid_of[image.class_idx]) for image in images]}
    return Shard(name, stamps, args, len(images))


def _args(image: ArchiveImage, wnid: str) -> dict[str, Any]:
    return {
        "image_id": image.image_id,
        "class_idx": image.class_idx,
        "wnid": wnid,
        "files": {name: _file_args(file) for name, file in image.files.items()},
    }


def _file_args(file: ArchiveFile) -> dict[str, Any]:
    metadata = {name: getattr(file.metadata, name) for name in ("group", "background_id", "background_group", "seed")}
    return {"place": file.place, "uri": file.entry.uri, **metadata}


# Working


def _rows(image: Mapping[str, Any], size: int) -> Iterator[tuple[str, Row]]:
    """Yield (table, row) for one image. If its original is not usable, its other files are dropped."""
    problem: DropError | None = None
    for name, file in image["files"].items():  # the original first
        try:
            if problem:
                raise problem
            yield from _variant_rows(image, name, file, size)
        except DropError as error:
            yield "dropped", error.row(STEP.name, file["place"])
            if name == layout.ORIGINAL:
                problem = DropError(DropReason.NO_ORIGINAL, f"the original of '{image['image_id']}' is not usable")


def _variant_rows(image: Mapping[str, Any], name: str, file: Mapping[str, Any], size: int) -> Iterator[tuple[str, Row]]:
    """Yield (table, row) for one file of an image."""
    row = {"image_id": image["image_id"], "class_idx": image["class_idx"], "group": file["group"]}
    if name == layout.MASKS:
        mask = read_mask(_read(file["uri"], size), size)
        yield "foregrounds", {**row, "rle": encode_mask(mask), "width": size, "height": size}
        return
    content, picture = _picture(file["uri"], size)
    if name == layout.ORIGINAL:
        yield "images", _image_row(image, file["uri"], content, picture)
    row |= {column: file[column] for column in ("background_id", "background_group", "seed")}
    yield f"variants/{name}", {**row, "image": {"bytes": content, "path": Path(file["uri"]).name}}


def _picture(uri: str, size: int) -> tuple[bytes, DecodedImage]:
    content = _read(uri, size)
    try:
        picture = decode(content, 4 * size * size)
    except ImageError as error:
        raise DropError(error.reason, error.detail) from error
    if picture.size != (size, size):
        width, height = picture.size
        detail = f"{width} x {height} pixels, expected {size} x {size} (imagenet9.size)"
        raise DropError(DropReason.IMAGE_SIZE_MISMATCH, detail)
    return content, picture


def _read(uri: str, size: int) -> bytes:
    max_bytes = BYTES_PER_PIXEL * size * size + HEADROOM
    try:
        with Path(uri).open("rb") as handle:
            content = handle.read(max_bytes + 1)
    except OSError as error:
        raise DropError(DropReason.UNREADABLE, error.strerror or str(error)) from error
    if len(content) > max_bytes:
        raise DropError(DropReason.TOO_LARGE, f"over {max_bytes:,} bytes, the limit for {size} x {size} pixels")
    return content


def _image_row(image: Mapping[str, Any], uri: str, content: bytes, picture: DecodedImage) -> ImageRow:
    width, height = picture.size
    return {
        "image_id": image["image_id"],
        "uri": uri,
        "class_idx": image["class_idx"],
        "wnid": image["wnid"],
        "width": width,
        "height": height,
        "mode": picture.mode,
        "sha256": hashlib.sha256(content).hexdigest(),
        "boxes": [],
        "split": layout.SPLIT,
    }


STEP: Final = Step(
    "imagenet9", 1, Imagenet9Settings, plan, work, check=faults, conflicts_with=CONFLICTS_WITH, finalize=finalize
)
