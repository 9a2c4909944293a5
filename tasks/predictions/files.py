"""Readers for files of predictions: CSV, JSON lines, Parquet, and the label-errors release.

Each reader yields one checked row per prediction, with its location in the file. No workspace is needed.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np

from reground.tasks.errors import UsageError, unknown
from reground.tasks.images import load_classes
from reground.tasks.schema import OUTSIDE, PHOTOGRAPHS
from reground.tasks.workspace import read_csv

REQUIRED: Final = ("image_id", "class_idx")
OPTIONAL: Final = ("probability", "set", "recipe")
LABEL_ERRORS_CLASSES: Final = "cross_validated_predicted_labels/imagenet_val_set_pyx_argmax_predicted_labels.npy"
"""File of cleanlab/label-errors with the predicted classes; `LABEL_ERRORS_FILES` names the image of each."""
LABEL_ERRORS_FILES: Final = "dataset_indexing/imagenet_val_set_index_to_filepath.json"
CHUNK_SIZE: Final = 10_000
"""Rows of a Parquet file in memory."""

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
    """

    location: str
    image_id: str
    labels: tuple[Label, ...]
    probability: tuple[float, ...]
    set_name: str
    recipe: str


def read(path: Path) -> Iterator[FileRow]:
    """Read a file of predictions, by its suffix, or a folder in the layout of cleanlab/label-errors.

    Raises:
        UsageError: the file is missing, has another suffix, or is malformed; the message names the line.
    """
    if path.is_dir():
        yield from _label_errors(path / LABEL_ERRORS_CLASSES, path / LABEL_ERRORS_FILES)
        return
    if path.suffix not in READERS:
        raise unknown("suffix of a file of predictions", path.suffix or path.name, READERS)
    yield from READERS[path.suffix](path)


def files(path: Path) -> list[Path]:
    """The files that `read` reads."""
    classes = path / LABEL_ERRORS_CLASSES if path.is_dir() else path
    return [classes, classes.parent.parent / LABEL_ERRORS_FILES] if classes.suffix == ".npy" else [classes]


def _csv(path: Path) -> Iterator[FileRow]:
    for line, cells in read_csv(path, REQUIRED, OPTIONAL):
        location = f"{path}, line {line}"
        yield _row(location, {name: _cell(location, name, text) for name, text in cells.items()})


def _cell(location: str, name: str, text: str) -> Any:
    """A cell's text, or the list that it spells in JSON; a probability as a number."""
    if name not in ("class_idx", "probability"):
        return text
    if text.startswith("["):
        return _json(location, text)
    if name == "class_idx" or not text:
        return text or None
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{location}: expected probability to be a number from 0 to 1, found '{text}'") from None


def _jsonl(path: Path) -> Iterator[FileRow]:
    try:
        with path.open(encoding="utf-8-sig") as handle:
            for number, line in enumerate(handle, start=1):
                if line.strip():
                    location = f"{path}, line {number}"
                    yield _row(location, _json(location, line))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"expected JSON lines in UTF-8 at {path}, but it cannot be read: {error}") from error


def _json(location: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{location}: expected JSON, found '{text.strip()[:80]}': {error}") from error


def _parquet(path: Path) -> Iterator[FileRow]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as parquet:
            _check_columns(str(path), parquet.schema_arrow.names)
            rows = (cells for batch in parquet.iter_batches(CHUNK_SIZE) for cells in batch.to_pylist())
            for number, cells in enumerate(rows, start=1):
                yield _row(f"{path}, row {number}", cells)
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"expected a Parquet file at {path}, but it cannot be read: {error}") from error


def _check_columns(location: str, names: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise UsageError(
            f"{location}: expected {', '.join(REQUIRED)} (and, where known, {', '.join(OPTIONAL)}), found "
            f"{', '.join(names) or 'nothing'}. Missing: {', '.join(missing)}."
        )
    for name in names:
        if name not in (*REQUIRED, *OPTIONAL):
            raise unknown(f"column (in {location})", name, (*REQUIRED, *OPTIONAL))


def _row(location: str, cells: Any) -> FileRow:
    """A row, checked.

    Raises:
        UsageError: a column is missing or unknown, or a value malformed.
    """
    if not isinstance(cells, Mapping):
        raise UsageError(f"{location}: expected an object with {', '.join(REQUIRED)}, found {str(cells)[:80]}")
    _check_columns(location, [str(name) for name in cells])
    labels = _labels(location, cells["class_idx"])
    return FileRow(
        location,
        _text(location, "image_id", cells["image_id"]),
        labels,
        _probability(location, cells.get("probability"), len(labels)),
        _text(location, "set", cells.get("set") or PHOTOGRAPHS),
        _text(location, "recipe", cells.get("recipe") or " ").strip(),
    )


def _text(location: str, name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f"{location}: expected {name} to be text, found {value!r}")
    return value


def _labels(location: str, value: Any) -> tuple[Label, ...]:
    labels = tuple(value) if isinstance(value, list) else (value,)
    fine = all(isinstance(label, str | int) and not isinstance(label, bool) and label != "" for label in labels)
    if not labels or not fine:
        raise UsageError(
            f"{location}: expected class_idx to be an index, a WordNet id, an exact name, or a list of these, best "
            f"first, found {value!r}"
        )
    if len({label for label in labels if label != OUTSIDE}) < len([label for label in labels if label != OUTSIDE]):
        raise UsageError(f"{location}: expected every class once, found {value!r}")
    return labels


def _probability(location: str, value: Any, count: int) -> tuple[float, ...]:
    if value is None:
        return (math.nan,) * count
    values = tuple(value) if isinstance(value, list) else (value,)
    if not all(number is None or isinstance(number, int | float) for number in values):
        raise UsageError(f"{location}: expected probability to be numbers from 0 to 1, found {value!r}")
    numbers = tuple(math.nan if number is None else float(number) for number in values)
    if len(numbers) != count:
        raise UsageError(f"{location}: expected a probability for each of {count} classes, found {len(numbers)}")
    numeric = [number for number in numbers if not math.isnan(number)]
    if not all(0 <= number <= 1 for number in numeric):
        raise UsageError(f"{location}: expected probabilities from 0 to 1 (no logits, no percentages), found {value!r}")
    if any(later > earlier for earlier, later in pairwise(numeric)):
        raise UsageError(f"{location}: expected the best first, found probabilities that rise: {value!r}")
    return numbers


def _npy(path: Path) -> Iterator[FileRow]:
    yield from _label_errors(path, path.parent.parent / LABEL_ERRORS_FILES)


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
        labels = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"{path}: expected class indices saved by numpy, but it cannot be read: {error}") from error
    if not isinstance(labels, np.ndarray) or labels.ndim != 1 or labels.dtype.kind not in "iu":
        description = f"{labels.dtype} {labels.shape}" if isinstance(labels, np.ndarray) else type(labels).__name__
        raise UsageError(f"{path}: expected a list of class indices, found {description}")
    return labels.astype(np.int64)


def _file_names(path: Path, indexing: Path) -> list[str]:
    try:
        names = json.loads(indexing.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path} says which class, but not of which image: expected the list of files {indexing}, as "
            f"cleanlab/label-errors has it, but it cannot be read: {error}. Or give a CSV of image_id,class_idx."
        ) from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError(f"{indexing}: expected a list of file names, found {str(names)[:80]}")
    return names


READERS: Final[dict[str, Callable[[Path], Iterator[FileRow]]]] = {
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
    ".npy": _npy,
}
