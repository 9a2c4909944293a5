"""Released: a folder in the layout of the released ImageNet-9 data -> the tables that variants are.

Writes ``classes``, ``groups``, ``images``, ``foregrounds``, ``variants/NAME``, ``dropped``: in place of
``index``, ``masks`` and ``variants``, and in a workspace of its own. The folder is a published archive or
one of our exports (`reground.tasks.export.imagenet9`). A variant keeps its file's own bytes, so that a model sees
exactly the pixels that the published evaluators show it.
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
from reground.tasks.imagenet9.folder import Archive, File, Image, check_layout, read_archive, read_vocabulary
from reground.tasks.imagenet9.mask_file import read_mask
from reground.tasks.images import DecodedImage, DropError, ImageError, decode
from reground.tasks.masks import encode_mask
from reground.tasks.schema import VARIANTS, DropReason, ImageRow, Row
from reground.tasks.workspace import Fault, FilePath, Output, PositiveInt, Shard, Step, Workspace, digest, refused

log = logging.getLogger(__name__)

VOCABULARY: Final = "vocabulary"
CONFLICTS_WITH: Final = ("index", "masks", "variants")
"""Steps whose tables this one writes too."""
PER_SHARD: Final = 64
"""Images a shard, each with its variants."""
BYTES_PER_PIXEL: Final = 8
"""Of the most wasteful image or mask there is."""
HEADROOM: Final = 1_000_000
"""Bytes that a file may have beside its pixels."""


@dataclass(frozen=True)
class Imagenet9Settings:
    """Where the data lie.

    Attributes:
        folder: with ``original/val/00_dog/*.JPEG`` and its siblings, ``fg_mask`` among them.
        size: side of the square images, pixels; others are dropped.
    """

    folder: FilePath = ""
    size: PositiveInt = 224


def faults(settings: Imagenet9Settings) -> Iterator[Fault]:
    """What is wrong before any file is listed."""
    if not settings.folder:
        yield Fault("folder", "expected the folder of the released data: `reground imagenet9 import FOLDER -w W`")
    else:
        yield from refused("folder", check_layout, Path(settings.folder).absolute())


def plan(workspace: Workspace, settings: Imagenet9Settings) -> list[Shard]:
    """One shard for the vocabulary and what is not used, one for every `PER_SHARD` images.

    Raises:
        UsageError: no such layout there.
    """
    archive = read_archive(Path(settings.folder).absolute())
    drops = [DropError(drop.reason, drop.detail).row(STEP.name, drop.item) for drop in archive.drops]
    known = digest(repr(archive.classes), repr(archive.groups))
    images = sorted(archive.images.values(), key=lambda image: image.image_id)
    pieces = (images[start : start + PER_SHARD] for start in range(0, len(images), PER_SHARD))
    return [
        Shard(VOCABULARY, (known,), {"drops": drops}, size=0),
        *(_shard(archive, number, piece) for number, piece in enumerate(pieces)),
    ]


def work(workspace: Workspace, settings: Imagenet9Settings, shard: Shard) -> Output:
    """The vocabulary, or the rows of some images, each file read once."""
    if shard.id == VOCABULARY:
        classes, groups = read_vocabulary(Path(settings.folder).absolute())
        return Output({"classes": classes, "groups": groups, "dropped": shard.args["drops"]})
    tables: dict[str, list[Row]] = {name: [] for name in ("images", *shard.args["tables"], "dropped")}
    for image in shard.args["images"]:
        for name, row in _rows(image, settings.size):
            tables[name].append(row)
    return Output(tables)


def finalize(workspace: Workspace, settings: Imagenet9Settings) -> None:
    """Say which sets are not whole, once all shards are made.

    Raises:
        RegroundError: not one image could be used; says why the first could not.
    """
    count = {name: sum(part.rows for _, part in workspace.parts(name)) for name in workspace.tables()}
    if not count.get("images"):
        dropped = workspace.read("dropped")
        first = dropped[dropped["item"].str.startswith(f"{layout.ORIGINAL}/")].head(1).to_dict("records")
        why = f"{first[0]['item']}: {first[0]['reason']}, {first[0]['detail']}" if first else "there is none"
        raise RegroundError(
            f"expected images of {settings.size} x {settings.size} pixels (imagenet9.size) in "
            f"{settings.folder}/{layout.ORIGINAL}, found none that can be used. First: {why}. "
            f"All: `reground table dropped -w {workspace.url} --to dropped.csv`."
        )
    for name in (*(f"variants/{name}" for name in VARIANTS), "foregrounds"):
        if (found := count.get(name, 0)) < count["images"]:
            log.warning("%s: %d of %d images have none", name, count["images"] - found, count["images"])
    _warn_of_strangers(workspace)


def _warn_of_strangers(workspace: Workspace) -> None:
    group_of = workspace.read("groups").set_index("class_idx")["group"]
    original = workspace.read(f"variants/{layout.ORIGINAL}", ["image_id", "class_idx", "group"])
    strangers = original[original["class_idx"].map(group_of) != original["group"]]
    if len(strangers):
        log.warning(
            "%d of %d images lie in the folder of another group than their class (first: %s): they are judged by the "
            "folder, as the published evaluators do it",
            *(len(strangers), len(original), strangers["image_id"].iloc[0]),
        )


# Planning


def _shard(archive: Archive, number: int, images: Sequence[Image]) -> Shard:
    stamps = tuple(file.found.stamp for image in images for file in image.files.values())
    tables = ["foregrounds" if name == layout.MASKS else f"variants/{name}" for name in archive.sets]
    wnid_of: dict[int, str] = {row["class_idx"]: next(iter(row["wnids"]), "") for row in archive.classes}
    args = {"tables": tables, "images": [_args(image, wnid_of[image.class_idx]) for image in images]}
    return Shard(f"{number:05d}", stamps, args, len(images))


def _args(image: Image, wnid: str) -> dict[str, Any]:
    return {
        "image_id": image.image_id,
        "class_idx": image.class_idx,
        "wnid": wnid,
        "files": {name: _file_args(file) for name, file in image.files.items()},
    }


def _file_args(file: File) -> dict[str, Any]:
    told = {name: getattr(file.named, name) for name in ("group", "background_id", "background_group", "seed")}
    return {"place": file.place, "uri": file.found.uri, **told}


# Working


def _rows(image: Mapping[str, Any], size: int) -> Iterator[tuple[str, Row]]:
    """Each row of an image, as (table, row); without its original nothing of it is used."""
    problem: DropError | None = None
    for name, file in image["files"].items():  # the original first
        try:
            if problem:
                raise problem
            yield from _made(image, name, file, size)
        except DropError as why:
            yield "dropped", why.row(STEP.name, file["place"])
            if name == layout.ORIGINAL:
                problem = DropError(DropReason.NO_ORIGINAL, f"that of '{image['image_id']}' is not usable")


def _made(image: Mapping[str, Any], name: str, file: Mapping[str, Any], size: int) -> Iterator[tuple[str, Row]]:
    """What one file of an image makes."""
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
    if picture.shown_size != (size, size):
        width, height = picture.shown_size
        detail = f"{width} x {height} pixels, expected {size} x {size} (imagenet9.size)"
        raise DropError(DropReason.IMAGE_SIZE_MISMATCH, detail)
    return content, picture


def _read(uri: str, size: int) -> bytes:
    most = BYTES_PER_PIXEL * size * size + HEADROOM
    try:
        with Path(uri).open("rb") as handle:
            content = handle.read(most + 1)
    except OSError as error:
        raise DropError(DropReason.UNREADABLE, error.strerror or str(error)) from error
    if len(content) > most:
        raise DropError(DropReason.TOO_LARGE, f"over {most:,} bytes: more than {size} x {size} pixels can need")
    return content


def _image_row(image: Mapping[str, Any], uri: str, content: bytes, picture: DecodedImage) -> ImageRow:
    width, height = picture.shown_size
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
