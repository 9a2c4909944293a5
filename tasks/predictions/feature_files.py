"""Readers for files of features: Parquet, ``.npz``, or ``.npy`` with the list of image ids beside it.

No workspace is needed. Numbers are rounded to float16, as the table ``features/MODEL`` has them, in pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from reground.tasks.errors import UsageError, unknown
from reground.tasks.files import ContentError, NpyStream, Npz, cells, open_parquet, preview, read_json
from reground.tasks.predictions.features import RANGE, to_float16
from reground.tasks.predictions.files import cell_text
from reground.tasks.schema import PHOTOGRAPHS
from reground.tasks.tabular import Columns

REQUIRED: Final = ("image_id", "vector")
MAX_VALUES: Final = 2**31 - 1
"""Numbers in a file: as many as the offsets of one Arrow list can count, 1,677 for each of 1.28 million images."""
MAX_BYTES: Final = 8 * MAX_VALUES
"""Of an archive on disk."""
MAX_ID_BYTES: Final = 2**29
"""Of all ids of a file: a hundred characters, of four bytes as NumPy has them, for each of 1.28 million images."""
PIECE: Final = 2**24
"""Bytes of an array that are read at a time."""


@dataclass(frozen=True)
class FileVectors:
    """The rows of a file.

    Attributes:
        path: of the file.
        image_names: N texts that name images.
        set_names: N sets: ``photographs``, or the name of a variant.
        recipes: N; empty: not known.
        vectors: ``(N, D) float16``.
    """

    path: Path
    image_names: Sequence[str]
    set_names: Sequence[str]
    recipes: Sequence[str]
    vectors: npt.NDArray[np.float16]

    def location(self, index: int) -> str:
        """File and row, for messages."""
        return _location(self.path, index)


def read_vectors(path: Path) -> FileVectors:
    """Read a file of features, by its suffix.

    Args:
        path: Parquet with the columns ``image_id`` and ``vector``, and ``set`` and ``recipe`` if there are; ``.npz``
            with arrays of these names, without ``recipe``; or ``.npy`` with N vectors, beside a file of the same name
            that ends in ``.json`` and lists N ids.

    Raises:
        UsageError: it is missing, has another suffix, is malformed or too large, or a vector has another length than
            the first or numbers that float16 does not keep; the message names the row.
    """
    read = READERS.get(path.suffix.lower())
    if read is None:
        raise unknown("suffix of a file of features", path.suffix or path.name, READERS)
    try:
        return read(path)
    except (OSError, ContentError, UnicodeDecodeError, MemoryError) as error:
        raise UsageError(f"{path}: expected features, but it cannot be read: {error or 'out of memory'}") from error


def files(path: Path) -> list[Path]:
    """The files that `read_vectors` reads."""
    return [path, *([path.with_suffix(".json")] if path.suffix.lower() == ".npy" else [])]


def _location(path: Path, index: int) -> str:
    return f"{path}, row {index + 1}"


def _read_parquet(path: Path) -> FileVectors:
    texts: dict[str, list[str]] = {"image_id": [], "set": [], "recipe": []}
    defaults = {"set": PHOTOGRAPHS, "recipe": ""}
    blocks: list[npt.NDArray[np.float16]] = []
    with open_parquet(path, MAX_VALUES) as table:
        positions = Columns(REQUIRED, tuple(defaults)).positions(str(path), table.names)
        for batch in table.batches():
            start = len(texts["image_id"])
            for name, column in texts.items():
                values = cells(batch.column(positions[name])) if name in positions else [None] * len(batch)
                column += [
                    defaults[name] if cell in (None, "") and name in defaults
                    else cell_text(_location(path, start + n), name, cell)
                    for n, cell in enumerate(values)
                ]  # fmt: skip
            if len(batch):
                matrix = _matrix(path, start, batch.column(positions["vector"]), blocks[0].shape[1] if blocks else 0)
                blocks.append(_rounded(path, start, matrix))
    vectors = np.concatenate(blocks) if blocks else np.zeros((0, 0), np.float16)
    return FileVectors(path, texts["image_id"], texts["set"], texts["recipe"], vectors)


def _matrix(path: Path, start: int, column: pa.Array, width: int) -> np.ndarray:
    """Lists of numbers as ``(rows, D)``; ``width`` is D of the rows before, 0: there are none."""
    kind = column.type
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not lists or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        raise UsageError(f"{path}: expected vector to be a list of numbers in each row, found {kind}")
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    expected = width or int(lengths[0])
    other = np.flatnonzero(lengths != expected) if expected else [0]
    if len(other):
        first = int(other[0])
        raise UsageError(
            f"{_location(path, start + first)}: expected vector to have {expected or 'some'} numbers"
            f"{', as in the first row' if expected else ''}, found {int(lengths[first])}"
        )
    return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), expected)


def _read_npz(path: Path) -> FileVectors:
    with Npz(path, MAX_BYTES) as archive:
        positions = Columns(REQUIRED, ("set",)).positions(str(path), archive.names)
        names = _texts(path, "image_id", archive.read("image_id", MAX_ID_BYTES))
        sets = (
            _texts(path, "set", archive.read("set", MAX_ID_BYTES)) if "set" in positions else [PHOTOGRAPHS] * len(names)
        )
        if len(sets) != len(names):
            raise UsageError(f"{path}: expected a set for each of {len(names):,} images, found {len(sets):,}")
        with archive.open("vector") as stream:
            return FileVectors(path, names, sets, [""] * len(names), _read_stream(path, stream, len(names)))


def _read_npy(path: Path) -> FileVectors:
    _, ids = files(path)
    try:
        names = read_json(ids, MAX_ID_BYTES)
    except (OSError, ContentError) as error:
        raise UsageError(
            f"{path} has features, but not of which images: expected the list of their ids in {ids}, but it cannot be "
            f"read: {error}. Or save both in one file: numpy.savez('FILE.npz', image_id=ids, vector=features)."
        ) from error
    if not isinstance(names, list):
        raise UsageError(f"{ids}: expected a list of image ids, found {preview(names)}")
    texts = [cell_text(_location(ids, n), "image_id", name) for n, name in enumerate(names)]
    with path.open("rb") as stream:
        vectors = _read_stream(path, NpyStream(path.stem, stream), len(texts))
    return FileVectors(path, texts, [PHOTOGRAPHS] * len(texts), [""] * len(texts), vectors)


def _texts(path: Path, name: str, array: np.ndarray) -> list[str]:
    """Ids or sets of an array."""
    if array.ndim != 1 or array.dtype.kind not in "USiu":
        raise UsageError(f"{path}: expected {name} to be a list of texts, found {array.dtype} {array.shape}")
    try:
        values = (np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array).tolist()
    except ValueError as error:
        raise UsageError(f"{path}: expected {name} to be a list of texts, found damaged ones: {error}") from error
    return [cell_text(_location(path, n), name, value) for n, value in enumerate(values)]


def _read_stream(path: Path, stream: NpyStream, rows: int) -> npt.NDArray[np.float16]:
    """A matrix of numbers, read and rounded in pieces."""
    header = stream.header
    if len(header.shape) != 2 or header.dtype.kind not in "fiu":
        raise UsageError(f"{path}: expected vector to be an array of numbers, a row an image, found {header}")
    if header.shape[0] != rows:
        raise UsageError(f"{path}: expected a row for each of {rows:,} image ids, found {header.shape[0]:,}")
    width = header.shape[1]
    if not width or rows * width > MAX_VALUES:
        raise UsageError(f"{path}: expected up to {MAX_VALUES:,} numbers, and some an image, found {header}")
    if header.fortran and min(rows, width) > 1:
        raise UsageError(f"{path}: expected rows one after the other, found columns: numpy.ascontiguousarray mends it")
    vectors = np.empty((rows, width), np.float16)
    step = max(1, PIECE // (width * header.dtype.itemsize))
    for start in range(0, rows, step):
        count = min(step, rows - start)
        vectors[start : start + count] = _rounded(path, start, stream.read(count * width).reshape(count, width))
    return vectors


def _rounded(path: Path, start: int, values: np.ndarray) -> npt.NDArray[np.float16]:
    """Rows from ``start`` on, in float16.

    Raises:
        UsageError: it does not keep one of them.
    """
    rounded, fits = to_float16(values)
    if not fits.all():
        first = int(np.flatnonzero(~fits)[0])
        raise UsageError(
            f"{_location(path, start + first)}: expected features that float16 holds ({RANGE}), found "
            f"{values[first].min():g} to {values[first].max():g}"
        )
    return rounded


READERS: Final[dict[str, Callable[[Path], FileVectors]]] = {
    ".parquet": _read_parquet,
    ".npz": _read_npz,
    ".npy": _read_npy,
}
