"""Readers for files of predictions: tables, and the label-errors release.

Each reader yields one checked row per prediction, with its location in the file. No workspace is needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from reground.tasks.errors import UsageError, unknown
from reground.tasks.files import ContentError, preview, read_json, read_npy
from reground.tasks.images import load_classes
from reground.tasks.schema import OUTSIDE, PHOTOGRAPHS
from reground.tasks.tabular import SUFFIXES, parse_cell, read_table, to_text, unit

REQUIRED: Final = ("image_id", "class_idx")
OPTIONAL: Final = ("probability", "set", "recipe", "entropy")
IGNORED: Final = ("original_probability",)
"""Columns of the table ``predictions`` that hold for the original labels of its own workspace alone."""
COLUMNS: Final = (*REQUIRED, *OPTIONAL)
LABEL_ERRORS_CLASSES: Final = "cross_validated_predicted_labels/imagenet_val_set_pyx_argmax_predicted_labels.npy"
"""File of cleanlab/label-errors with the predicted classes; `LABEL_ERRORS_FILES` names the image of each."""
LABEL_ERRORS_FILES: Final = "dataset_indexing/imagenet_val_set_index_to_filepath.json"
NPY: Final = ".npy"

Label = str | int


@dataclass(frozen=True)
class FileRow:
    """One prediction of a file.

    Attributes:
        location: file and line, for error messages.
        image_id: key of the image.
        labels: best first; an int is a class index, a string a WordNet id or a class name.
        probability: of each label, 0 to 1; NaN: unknown.
        set_name: ``photographs`` or the name of a variant.
        recipe: as in ``predictions``; empty: unknown.
        entropy: as in ``predictions``; None: unknown.
    """

    location: str
    image_id: str
    labels: tuple[Label, ...]
    probability: tuple[float, ...]
    set_name: str
    recipe: str
    entropy: float | None = None


def read(path: Path, columns: Mapping[str, str] = MappingProxyType({})) -> Iterator[FileRow]:
    """Read a file of predictions, by its suffix, or a folder in the layout of cleanlab/label-errors.

    Args:
        path: of the file or folder.
        columns: of a table: name -> the file's column with it, where that is another.

    Raises:
        UsageError: the file is missing, has another suffix, or is malformed; the message names the line.
    """
    if path.is_dir():
        yield from _label_errors(path / LABEL_ERRORS_CLASSES, path / LABEL_ERRORS_FILES)
    elif path.suffix == NPY:
        yield from _label_errors(path, path.parent.parent / LABEL_ERRORS_FILES)
    elif path.suffix.lower() in SUFFIXES:
        yield from _table(path, columns)
    else:
        raise unknown("suffix of a file of predictions", path.suffix or path.name, [*SUFFIXES, NPY])


def files(path: Path) -> list[Path]:
    """The files that `read` reads."""
    classes = path / LABEL_ERRORS_CLASSES if path.is_dir() else path
    return [classes, classes.parent.parent / LABEL_ERRORS_FILES] if classes.suffix == NPY else [classes]


def _table(path: Path, columns: Mapping[str, str]) -> Iterator[FileRow]:
    for number, cells in read_table(path, REQUIRED, (*OPTIONAL, *IGNORED), columns):
        yield _row(f"{path}, {unit(path)} {number}", cells)


def _row(location: str, cells: Mapping[str, Any]) -> FileRow:
    """A row, checked.

    Raises:
        UsageError: a value is malformed.
    """
    labels = _labels(location, _values(location, cells["class_idx"]))
    return FileRow(
        location,
        cell_text(location, "image_id", cells["image_id"]),
        labels,
        _probability(location, _values(location, cells["probability"]), len(labels)),
        cell_text(location, "set", cells["set"] or PHOTOGRAPHS),
        cell_text(location, "recipe", cells["recipe"] or " ").strip(),
        _entropy(location, cells["entropy"]),
    )


def _entropy(location: str, cell: Any) -> float | None:
    value = _number(location, None if cell == "" else cell, "entropy", "a number of nats")
    if value < 0 or math.isinf(value):
        raise UsageError(f"{location}: expected entropy to be a number of nats, at least 0, found {cell!r:.80}")
    return None if math.isnan(value) else value


def _values(location: str, cell: Any) -> list[Any]:
    """The values of a cell: one, or a list, which a CSV spells in JSON."""
    value = parse_cell(location, cell) if isinstance(cell, str) and cell.startswith("[") else cell
    return value if isinstance(value, list) else [value]


def cell_text(location: str, name: str, value: Any) -> str:
    """A cell that names something, as text; a number as pandas would write it.

    Raises:
        UsageError: it is empty, or something else.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return to_text(value)
    if not isinstance(value, str) or not value:
        raise UsageError(f"{location}: expected {name} to be text, found {value!r}")
    return value


def _labels(location: str, values: list[Any]) -> tuple[Label, ...]:
    labels: tuple[Any, ...] = tuple(
        int(value) if isinstance(value, float) and value.is_integer() else value for value in values
    )
    fine = all(isinstance(label, str | int) and not isinstance(label, bool) and label != "" for label in labels)
    if not labels or not fine:
        raise UsageError(
            f"{location}: expected class_idx to be an index, a WordNet id, a name, or a list of these, best first, "
            f"found {values!r:.80}"
        )
    if len({label for label in labels if label != OUTSIDE}) < len([label for label in labels if label != OUTSIDE]):
        raise UsageError(f"{location}: expected every class once, found {values!r:.80}")
    return labels


def _probability(location: str, values: list[Any], count: int) -> tuple[float, ...]:
    if values == [None]:
        return (math.nan,) * count
    numbers = tuple(_number(location, value) for value in values)
    if len(numbers) != count:
        raise UsageError(f"{location}: expected a probability for each of {count} classes, found {len(numbers)}")
    numeric = [number for number in numbers if not math.isnan(number)]
    if not all(0 <= number <= 1 for number in numeric):
        raise UsageError(
            f"{location}: expected probabilities from 0 to 1 (no logits, no percentages), found {values!r:.80}"
        )
    if any(later > earlier for earlier, later in pairwise(numeric)):
        raise UsageError(f"{location}: expected the best first, found probabilities that rise: {values!r:.80}")
    return numbers


def _number(location: str, value: Any, column: str = "probability", expected: str = "numbers from 0 to 1") -> float:
    try:
        if isinstance(value, bool):
            raise TypeError
        return math.nan if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"{location}: expected {column} to be {expected}, found {value!r:.80}") from None


def _label_errors(path: Path, indexing: Path) -> Iterator[FileRow]:
    """Class indices in the order of a list of files; that list is needed, as a position names no image."""
    labels = _array(path)
    names = _file_names(path, indexing)
    if len(names) != len(labels):
        raise UsageError(f"{indexing} lists {len(names):,} files, {path} holds {len(labels):,} classes")
    wnids = [str(row["wnids"][0]) for row in load_classes()]
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(wnids):
        raise UsageError(f"{path}: expected ImageNet's indices, 0 to 999, found {labels.min()} to {labels.max()}")
    for number, (name, label) in enumerate(zip(names, labels.tolist(), strict=True)):
        image_id = PurePosixPath(name).stem
        yield FileRow(f"{path}, entry {number}", image_id, (wnids[label],), (math.nan,), PHOTOGRAPHS, "")


def _array(path: Path) -> np.ndarray[Any, np.dtype[Any]]:
    try:
        labels = read_npy(path)
    except (OSError, ContentError) as error:
        raise UsageError(f"{path}: expected class indices saved by numpy, but it cannot be read: {error}") from error
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise UsageError(f"{path}: expected a list of class indices, found {labels.dtype} {labels.shape}")
    return labels


def _file_names(path: Path, indexing: Path) -> list[str]:
    try:
        names = read_json(indexing)
    except (OSError, ContentError) as error:
        raise UsageError(
            f"{path} says which class, but not of which image: expected the list of files {indexing}, as "
            f"cleanlab/label-errors has it, but it cannot be read: {error}. Or give a CSV of image_id,class_idx."
        ) from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError(f"{indexing}: expected a list of file names, found {preview(names)}")
    return names
