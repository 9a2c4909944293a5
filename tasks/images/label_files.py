"""Labels of images in a folder, from a file: the ILSVRC2012 devkit or Kaggle's ``LOC_val_solution.csv``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reground.tasks.errors import UsageError
from reground.tasks.images.devkit import GROUND_TRUTH, META, read_ground_truth
from reground.tasks.images.kaggle import read_solution
from reground.tasks.images.listed_file import normalize

VALIDATION: Final = re.compile(r"ILSVRC2012_val_(\d{8})", re.ASCII)
"""Stem of a validation image of ILSVRC2012."""


@dataclass(frozen=True)
class FileLabel:
    """What a label file says of an image.

    Attributes:
        label: WordNet id; empty: none.
        problem: why there is none.
        others: further WordNet ids that the file names for the image.
    """

    label: str = ""
    problem: str = ""
    others: tuple[str, ...] = ()


LabelOf = Callable[[str], FileLabel]
"""Stem of a file -> its label."""


def read_labels(path: Path) -> LabelOf:
    """Read a label file.

    Args:
        path: a folder or file of the devkit, or Kaggle's CSV.

    Raises:
        UsageError: neither, or malformed; the message gives the file and the line.
    """
    if path.suffix.lower() == ".csv":
        return _from_solution(path.name, read_solution(path))
    return _from_ground_truth(read_ground_truth(path))


def label_file_paths(labels: str) -> list[Path]:
    """Every path that the file and its companions can have: they may be in the folder of the images."""
    if not labels:
        return []
    path = Path(labels)
    if path.suffix.lower() == ".csv":
        return [path]
    return [path, *(folder / name for folder in (path, path / "data", path.parent) for name in (GROUND_TRUTH, META))]


def _from_solution(name: str, solution: Mapping[str, tuple[str, ...]]) -> LabelOf:
    def label_of(stem: str) -> FileLabel:
        wnids = solution.get(normalize(stem), ())
        return FileLabel(wnids[0], others=wnids[1:]) if wnids else FileLabel(problem=f"not in {name}")

    return label_of


def _from_ground_truth(wnids: list[str]) -> LabelOf:
    def label_of(stem: str) -> FileLabel:
        match = VALIDATION.fullmatch(stem)
        if match is None:
            return FileLabel(problem="not named ILSVRC2012_val_ and eight digits, so the devkit has no label for it")
        number = int(match[1])
        if not 1 <= number <= len(wnids):
            return FileLabel(problem=f"number {number}, but the ground truth has {len(wnids):,} lines")
        return FileLabel(wnids[number - 1])

    return label_of


def check_labels(path: Path) -> None:
    """Check a label file without listing any image.

    Raises:
        UsageError: see `read_labels`.
    """
    if not path.exists():
        raise UsageError(
            f"expected the ILSVRC2012 devkit or Kaggle's LOC_val_solution.csv at {path}, found nothing there"
        )
    read_labels(path)
