"""Settings of the step ``index``, and their checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reground.tasks.images.classes import load_classes
from reground.tasks.images.sources import check_source, read_ground_truth
from reground.tasks.workspace import Fault, FilePath, PositiveInt, Share, refused


@dataclass(frozen=True)
class IndexSettings:
    """Settings of the step ``index``.

    Attributes:
        images: folder of images, or a CSV of paths and labels.
        boxes: folder of ImageNet-style box XML, searched by stem; empty: none.
        labels: the ILSVRC2012 devkit, for a flat ``val`` folder; empty: labels come from the class folders or the CSV.
        classes: a CSV of your own classes; empty: ImageNet-1k.
        ids: the image_id: the ``stem`` of the file, or its ``path`` below the folder.
        split: name of the split, stored in each row.
        max_pixels: larger images are dropped before decoding (decompression bombs).
        max_dropped: share of files that may be dropped before indexing fails.
        shard_size: images per shard.
    """

    images: FilePath = ""
    boxes: FilePath = ""
    labels: FilePath = ""
    classes: FilePath = ""
    ids: Literal["stem", "path"] = "stem"
    split: str = "val"
    max_pixels: PositiveInt = 100_000_000
    max_dropped: Share = 0.5
    shard_size: PositiveInt = 64


def faults(settings: IndexSettings) -> Iterator[Fault]:
    """Check the settings before any file is listed."""
    if not settings.images:
        yield Fault("images", "expected a folder of images: `reground run IMAGES -w W` (a workspace remembers it)")
    else:
        yield from refused("images", check_source, settings.images, settings.labels)
    if settings.boxes and not Path(settings.boxes).is_dir():
        yield Fault("boxes", f"expected a folder of box files, found none at {settings.boxes}")
    if settings.labels:
        yield from refused("labels", read_ground_truth, Path(settings.labels))
    if settings.classes:
        yield from refused("classes", load_classes, settings.classes)
