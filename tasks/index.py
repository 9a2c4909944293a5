"""Index: a folder of labelled images -> ``images``, ``classes``, ``dropped``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class IndexSettings:
    """What to index, and how labels are found.

    Attributes:
        images: folder of images, or a CSV of paths and labels.
        boxes: folder of ImageNet-style box XML, searched by stem; empty: none.
        labels: the devkit's ground truth for a flat ILSVRC ``val``; empty: from folders or CSV.
        classes: a CSV of own classes; empty: ImageNet-1k.
        ids: what an image's key is: ``stem`` of its file, or its ``path`` below the folder.
        split: name of the split, kept in every row.
        max_pixels: larger images are dropped unread (decompression bombs).
        max_dropped: share of files that may be dropped before indexing fails, 0 to 1.
        shard_size: images a shard.
    """

    images: str = ""
    boxes: str = ""
    labels: str = ""
    classes: str = ""
    ids: str = "stem"
    split: str = "val"
    max_pixels: int = 100_000_000
    max_dropped: float = 0.5
    shard_size: int = 64
