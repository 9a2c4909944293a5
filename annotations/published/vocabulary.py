"""The vocabulary of published votes: ImageNet's classes and validation images, matched with the workspace's."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import PurePosixPath
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reground.tasks.errors import UsageError
from reground.tasks.images import load_classes
from reground.tasks.schema import ClassRow, ImageId
from reground.tasks.workspace import digest

IMAGENET_ID: Final = re.compile(r"ILSVRC2012_val_(\d{8})")
IMAGENET_SIZE: Final = 50_000
IMAGENET_CLASSES: Final = 1000


class Vocabulary:
    """The workspace's classes, and the position of ImageNet's among them (by WordNet id)."""

    def __init__(self, classes: Sequence[ClassRow]) -> None:
        self.classes = classes
        class_idxs = {wnid: int(row["class_idx"]) for row in classes for wnid in row["wnids"]}
        self.wnids = [str(row["wnids"][0]) for row in load_classes()]
        self.of_imagenet: npt.NDArray[np.int32] = np.array([class_idxs.get(wnid, -1) for wnid in self.wnids], np.int32)
        """``(1000,)``: ImageNet's class index -> class_idx; -1: the workspace lacks the class."""
        self.digest = digest(json.dumps([[row["class_idx"], list(row["wnids"]), row["name"]] for row in classes]))

    def check_overlap(self) -> None:
        """Check that votes on ImageNet's classes can have a place in the workspace.

        Raises:
            UsageError: the workspace has none of ImageNet's classes.
        """
        if (self.of_imagenet < 0).all():
            raise UsageError(
                f"expected the workspace to have classes of ImageNet, which these votes are on, found none of their "
                f"WordNet ids among its {len(self.classes):,} classes: import the votes into another workspace."
            )

    def check_labels(self, labels: npt.NDArray[Any], location: str) -> None:
        """Check that labels are indices of ImageNet's classes.

        Raises:
            UsageError: a label is out of range.
        """
        invalid = np.unique(labels[(labels < 0) | (labels >= IMAGENET_CLASSES)])
        if len(invalid):
            raise UsageError(
                f"{location}: expected labels to be indices of ImageNet's classes, 0 to {IMAGENET_CLASSES - 1}, "
                f"found {', '.join(map(str, invalid[:5]))}."
            )

    def check_wnids(self, wnids: Sequence[tuple[int, str]], location: str) -> None:
        """Check a source's (index, WordNet id) pairs against ImageNet's.

        Raises:
            UsageError: they disagree; names the first.
        """
        for idx, wnid in wnids:
            expected = self.wnids[idx] if 0 <= idx < len(self.wnids) else "not a class"
            if expected != wnid:
                raise UsageError(
                    f"{location}: calls class {idx} {wnid}, but ImageNet's class {idx} is {expected}. Another "
                    "vocabulary cannot be imported under ImageNet's indices: give the labels by WordNet id, with "
                    "--format csv."
                )


def imagenet_id(number: int) -> ImageId:
    """The id of a validation image by its number, 1 to 50,000.

    Examples:
        >>> imagenet_id(1)
        'ILSVRC2012_val_00000001'
    """
    return ImageId(f"ILSVRC2012_val_{number:08d}")


def parse_imagenet_id(path: str) -> ImageId:
    """The id of a validation image from a published path or file name.

    Raises:
        UsageError: it is none of the 50,000.

    Examples:
        >>> parse_imagenet_id("val/n01440764/ILSVRC2012_val_00000293.JPEG")
        'ILSVRC2012_val_00000293'
    """
    stem = PurePosixPath(path).stem
    if not is_imagenet_id(stem):
        raise UsageError(f"expected the name of an ImageNet validation image (ILSVRC2012_val_00000001), found '{path}'")
    return ImageId(stem)


def is_imagenet_id(image_id: str) -> bool:
    """Whether it is the id of one of the 50,000 validation images."""
    match = IMAGENET_ID.fullmatch(image_id)
    return bool(match) and 1 <= int(match[1]) <= IMAGENET_SIZE


def imagenet_labels() -> list[int]:
    """ImageNet's class index of every validation image, in the order of their numbers."""
    text = resources.files("reground.tasks.vocabularies").joinpath("imagenet_validation.txt").read_text()
    return [int(line) for line in text.split()]
