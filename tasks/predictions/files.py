"""Predictions made elsewhere, as files hold them: CSV, JSON lines, Parquet, or the label-errors release.

Each reader yields one row a prediction, with where it stands; nothing is held against a workspace here.
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
RELEASED: Final = "cross_validated_predicted_labels/imagenet_val_set_pyx_argmax_predicted_labels.npy"
"""Where cleanlab/label-errors keeps the predictions of its model, and (below) which image each is of."""
INDEXING: Final = "dataset_indexing/imagenet_val_set_index_to_filepath.json"
AT_ONCE: Final = 10_000
"""Rows of a Parquet file in memory."""

Label = str | int


@dataclass(frozen=True)
class Row:
    """One prediction as the file has it.

    Attributes:
        where: file and line, for a person.
        labels: best first; an int is an index, a text whatever names a class.
        probability: of each label, 0 to 1; NaN: not said.
        recipe: as in ``predictions``; empty: not said.
    """

    where: str
    image_id: str
    labels: tuple[Label, ...]
    probability: tuple[float, ...]
    of_set: str
    recipe: str


def read(path: Path) -> Iterator[Row]:
    """The predictions in a file (by its ending), or in a folder laid out as cleanlab/label-errors.

    Raises:
        UsageError: no such file, another ending, or something malformed; names the line.
    """
    if path.is_dir():
        yield from _released(path / RELEASED, path / INDEXING)
        return
    if path.suffix not in READERS:
        raise unknown("ending of a file of predictions", path.suffix or path.name, READERS)
    yield from READERS[path.suffix](path)


def files(path: Path) -> list[Path]:
    """The files that `read` reads."""
    released = path / RELEASED if path.is_dir() else path
    return [released, released.parent.parent / INDEXING] if released.suffix == ".npy" else [released]


def _csv(path: Path) -> Iterator[Row]:
    for line, cells in read_csv(path, REQUIRED, OPTIONAL):
        where = f"{path}, line {line}"
        yield _row(where, {name: _cell(where, name, text) for name, text in cells.items()})


def _cell(where: str, name: str, text: str) -> Any:
    """A cell's text, or the list that it spells in JSON; a probability as a number."""
    if name not in ("class_idx", "probability"):
        return text
    if text.startswith("["):
        return _json(where, text)
    if name == "class_idx" or not text:
        return text or None
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{where}: expected probability to be a number from 0 to 1, found '{text}'") from None


def _jsonl(path: Path) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8-sig") as handle:
            for number, line in enumerate(handle, start=1):
                if line.strip():
                    where = f"{path}, line {number}"
                    yield _row(where, _json(where, line))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"expected JSON lines in UTF-8 at {path}, but it cannot be read: {error}") from error


def _json(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: expected JSON, found '{text.strip()[:80]}': {error}") from error


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as held:
            _check_columns(str(path), held.schema_arrow.names)
            rows = (cells for batch in held.iter_batches(AT_ONCE) for cells in batch.to_pylist())
            for number, cells in enumerate(rows, start=1):
                yield _row(f"{path}, row {number}", cells)
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"expected a Parquet file at {path}, but it cannot be read: {error}") from error


def _check_columns(where: str, names: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise UsageError(
            f"{where}: expected {', '.join(REQUIRED)} (and, where known, {', '.join(OPTIONAL)}), found "
            f"{', '.join(names) or 'nothing'}. Missing: {', '.join(missing)}."
        )
    for name in names:
        if name not in (*REQUIRED, *OPTIONAL):
            raise unknown(f"column (in {where})", name, (*REQUIRED, *OPTIONAL))


def _row(where: str, cells: Any) -> Row:
    """A row, checked.

    Raises:
        UsageError: a column is missing or unknown, or a value malformed.
    """
    if not isinstance(cells, Mapping):
        raise UsageError(f"{where}: expected an object with {', '.join(REQUIRED)}, found {str(cells)[:80]}")
    _check_columns(where, [str(name) for name in cells])
    labels = _labels(where, cells["class_idx"])
    return Row(
        where,
        _text(where, "image_id", cells["image_id"]),
        labels,
        _probability(where, cells.get("probability"), len(labels)),
        _text(where, "set", cells.get("set") or PHOTOGRAPHS),
        _text(where, "recipe", cells.get("recipe") or " ").strip(),
    )


def _text(where: str, name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f"{where}: expected {name} to be text, found {value!r}")
    return value


def _labels(where: str, value: Any) -> tuple[Label, ...]:
    labels = tuple(value) if isinstance(value, list) else (value,)
    fine = all(isinstance(label, str | int) and not isinstance(label, bool) and label != "" for label in labels)
    if not labels or not fine:
        raise UsageError(
            f"{where}: expected class_idx to be an index, a WordNet id, an exact name, or a list of these, best "
            f"first, found {value!r}"
        )
    if len({label for label in labels if label != OUTSIDE}) < len([label for label in labels if label != OUTSIDE]):
        raise UsageError(f"{where}: expected every class once, found {value!r}")
    return labels


def _probability(where: str, value: Any, count: int) -> tuple[float, ...]:
    if value is None:
        return (math.nan,) * count
    given = tuple(value) if isinstance(value, list) else (value,)
    if not all(number is None or isinstance(number, int | float) for number in given):
        raise UsageError(f"{where}: expected probability to be numbers from 0 to 1, found {value!r}")
    numbers = tuple(math.nan if number is None else float(number) for number in given)
    if len(numbers) != count:
        raise UsageError(f"{where}: expected a probability for each of {count} classes, found {len(numbers)}")
    known = [number for number in numbers if not math.isnan(number)]
    if not all(0 <= number <= 1 for number in known):
        raise UsageError(f"{where}: expected probabilities from 0 to 1 (no logits, no percentages), found {value!r}")
    if any(later > earlier for earlier, later in pairwise(known)):
        raise UsageError(f"{where}: expected the best first, found probabilities that rise: {value!r}")
    return numbers


def _npy(path: Path) -> Iterator[Row]:
    yield from _released(path, path.parent.parent / INDEXING)


def _released(path: Path, indexing: Path) -> Iterator[Row]:
    """ImageNet's indices in the order of a list of files: a position alone names no image."""
    labels = _array(path)
    names = _file_names(path, indexing)
    if len(names) != len(labels):
        raise UsageError(f"{indexing} lists {len(names):,} files, {path} holds {len(labels):,} classes")
    wnids = [str(row["wnids"][0]) for row in load_classes()]
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(wnids):
        raise UsageError(f"{path}: expected ImageNet's indices, 0 to 999, found {labels.min()} to {labels.max()}")
    for number, (name, label) in enumerate(zip(names, labels.tolist(), strict=True)):
        image_id = PurePosixPath(name).stem
        yield Row(f"{path}, entry {number}", image_id, (wnids[label],), (math.nan,), PHOTOGRAPHS, "")


def _array(path: Path) -> np.ndarray[Any, np.dtype[Any]]:
    try:
        labels = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"{path}: expected class indices saved by numpy, but it cannot be read: {error}") from error
    if not isinstance(labels, np.ndarray) or labels.ndim != 1 or labels.dtype.kind not in "iu":
        found = f"{labels.dtype} {labels.shape}" if isinstance(labels, np.ndarray) else type(labels).__name__
        raise UsageError(f"{path}: expected a list of class indices, found {found}")
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


READERS: Final[dict[str, Callable[[Path], Iterator[Row]]]] = {
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
    ".npy": _npy,
}
