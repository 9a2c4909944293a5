"""ILSVRC as Kaggle distributes it (imagenet-object-localization-challenge): folders, labels and class names.

Layout below the folder it is unpacked in::

    ILSVRC/Data/CLS-LOC/val/ILSVRC2012_val_00000001.JPEG        flat; train has class folders
    ILSVRC/Annotations/CLS-LOC/val/ILSVRC2012_val_00000001.xml
    LOC_val_solution.csv                                        ImageId,PredictionString
    LOC_synset_mapping.txt                                      n01440764 tench, Tinca tinca
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reground.tasks.errors import UsageError
from reground.tasks.images.boxes import is_number
from reground.tasks.images.listed_file import normalize
from reground.tasks.tabular import read_text_table

SOLUTION_COLUMNS: Final = ("ImageId", "PredictionString")
SYNSET_MAPPING: Final = "LOC_synset_mapping.txt"

_SOLUTION: Final = re.compile(r"LOC_(\w+)_solution\.csv")
_WNID: Final = re.compile(r"n\d{8}", re.ASCII)


@dataclass(frozen=True)
class KaggleFolder:
    """Where the parts of one split are; None: there is no such part.

    Attributes:
        images: folder of the images.
        labels: CSV with the label of each image; None: not needed, the images are in class folders.
        boxes: folder of box files.
        classes: the list of WordNet ids and class names.
    """

    images: Path
    labels: Path | None
    boxes: Path | None
    classes: Path | None


def find_kaggle(images: Path, split: str) -> KaggleFolder | None:
    """Find the parts of a split.

    Args:
        images: the folder that Kaggle's archive was unpacked in, its folder ``ILSVRC``, the folder of the
            split's images, or ``LOC_val_solution.csv``.
        split: ``val`` or ``train``; a folder of images or a CSV names its own.
    """
    solution = _SOLUTION.fullmatch(images.name)
    if solution and images.is_file():
        return _parts(images.parent / "ILSVRC", solution[1])
    if images.parent.name == "CLS-LOC" and images.parent.parent.name == "Data":
        return _parts(images.parents[2], images.name)
    return _parts(images / "ILSVRC", split) or _parts(images, split)


def read_solution(path: Path) -> dict[str, tuple[str, ...]]:
    """Read Kaggle's CSV of labels: ImageId -> WordNet ids in the order of its boxes, each once.

    Raises:
        UsageError: missing or malformed; the message gives the file and the line.
    """
    wnids: dict[str, dict[str, None]] = {}
    for line, cells in read_text_table(path, SOLUTION_COLUMNS):
        found = wnids.setdefault(normalize(cells["ImageId"]), {})
        found.update(dict.fromkeys(_predictions(path, line, cells["PredictionString"])))
    if not wnids:
        raise UsageError(f"{path}: expected one image per line, found none below the header")
    return {image_id: tuple(ids) for image_id, ids in wnids.items()}


def _parts(ilsvrc: Path, split: str) -> KaggleFolder | None:
    images = ilsvrc / "Data" / "CLS-LOC" / split
    if not images.is_dir():
        return None
    with os.scandir(images) as entries:
        is_flat = not any(entry.is_dir() for entry in entries)
    boxes = ilsvrc / "Annotations" / "CLS-LOC" / split
    return KaggleFolder(
        images,
        _beside(ilsvrc, f"LOC_{split}_solution.csv") if is_flat else None,
        boxes if boxes.is_dir() else None,
        _beside(ilsvrc, SYNSET_MAPPING),
    )


def _beside(ilsvrc: Path, name: str) -> Path | None:
    return next((folder / name for folder in (ilsvrc.parent, ilsvrc) if (folder / name).is_file()), None)


def _predictions(path: Path, line: int, text: str) -> Iterator[str]:
    """The WordNet id of each group of an id and four coordinates."""
    words = text.split()
    for start in range(0, len(words), 5):
        wnid, *edges = words[start : start + 5]
        if not (_WNID.fullmatch(wnid) and len(edges) == 4 and all(map(is_number, edges))):
            raise UsageError(
                f"{path}, line {line}: expected a WordNet id and four coordinates for each box, as in "
                f"'n01440764 16 61 205 145', found '{' '.join(words[start : start + 5])[:60]}'"
            )
        yield wnid
