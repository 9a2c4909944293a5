"""Settings of the step ``index``, and their checks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reground.tasks.images.boxes import BoxOrientation
from reground.tasks.images.classes import load_classes
from reground.tasks.images.decode import MAX_PIXELS
from reground.tasks.images.kaggle import KaggleFolder, find_kaggle
from reground.tasks.images.label_files import check_labels
from reground.tasks.images.sources import check_source
from reground.tasks.images.synset_mapping import read_synset_mapping
from reground.tasks.storage import is_url
from reground.tasks.workspace import Fault, FileAddress, FilePath, PositiveInt, Share, refused


@dataclass(frozen=True)
class IndexSettings:
    """Settings of the step ``index``.

    Attributes:
        images: folder of images, folder that Kaggle's ILSVRC was unpacked in, or a CSV or Parquet file of paths and
            labels; a folder or file of an object store by its URL.
        boxes: folder of ImageNet-style box XML, or its URL, searched by stem; empty: none.
        box_orientation: pixels that boxes of EXIF-rotated images refer to: ``stored`` (ImageNet) or ``shown``
            (LabelImg, CVAT); ``auto``: by the size in the box file.
        labels: for a flat ``val`` folder: the ILSVRC2012 devkit or Kaggle's ``LOC_val_solution.csv``; empty:
            labels come from the class folders or the CSV.
        classes: a CSV of your own classes, or Kaggle's ``LOC_synset_mapping.txt``; empty: ImageNet-1k.
        ids: the image_id: the ``stem`` of the file, or its ``path`` below the folder.
        split: name of the split, stored in each row.
        max_pixels: larger images are dropped before decoding (decompression bombs).
        max_dropped: share of files that may be dropped before indexing fails.
        shard_size: most images per shard; another size makes all shards again, with the same rows.
    """

    images: FileAddress = ""
    boxes: FileAddress = ""
    box_orientation: BoxOrientation = "auto"
    labels: FilePath = ""
    classes: FilePath = ""
    ids: Literal["stem", "path"] = "stem"
    split: str = "val"
    max_pixels: PositiveInt = MAX_PIXELS
    max_dropped: Share = 0.5
    shard_size: PositiveInt = 64


def complete(settings: IndexSettings) -> IndexSettings:
    """The settings with every path: of Kaggle's ILSVRC, labels, boxes and classes that are not set are found.

    Classes are ImageNet-1k's, unless Kaggle's list has others.
    """
    is_folder = bool(settings.images) and not is_url(settings.images)
    parts = find_kaggle(Path(settings.images), settings.split) if is_folder else None
    if parts is None:
        return settings
    return dataclasses.replace(
        settings,
        images=str(parts.images),
        labels=settings.labels or str(parts.labels or ""),
        boxes=settings.boxes or str(parts.boxes or ""),
        classes=settings.classes or _own_classes(parts),
    )


def _own_classes(parts: KaggleFolder) -> str:
    if parts.classes is None:
        return ""
    imagenet = {wnid for row in load_classes() for wnid in row["wnids"]}
    return "" if read_synset_mapping(parts.classes).keys() <= imagenet else str(parts.classes)


def faults(settings: IndexSettings) -> Iterator[Fault]:
    """Check the settings before any file is listed."""
    settings = complete(settings)
    if not settings.images:
        yield Fault("images", "expected a folder of images: `reground run IMAGES -w W` (a workspace remembers it)")
    else:
        yield from refused("images", check_source, settings.images, settings.labels)
    if settings.boxes and not (is_url(settings.boxes) or Path(settings.boxes).is_dir()):
        yield Fault("boxes", f"expected a folder of box files, found none at {settings.boxes}")
    if settings.labels:
        yield from refused("labels", check_labels, Path(settings.labels))
    if settings.classes:
        yield from refused("classes", load_classes, settings.classes)
