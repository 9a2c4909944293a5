"""File formats of tables: each file becomes records, a header first where the format has one.

Nothing is read into memory whole, but JSON that is one document.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

from reground.tasks import files
from reground.tasks.errors import UsageError, unknown

MAX_LINE: Final = 16 * 1024**2
"""Characters in a line; a longer one is no row of a table."""
MAX_DOCUMENT: Final = 512 * 1024**2
"""Bytes of a JSON document; it takes some ten times as much memory."""
_DELIMITERS: Final = ",\t;"


class Record(NamedTuple):
    """A row of a file, or its header.

    Attributes:
        number: of the line that it ends on, or of the row; 1 for the first.
        names: of its columns.
        values: of its cells; None: this is the header.
    """

    number: int
    names: tuple[str, ...]
    values: Sequence[Any] | None


def read_records(path: Path) -> Iterator[Record]:
    """The records of a file, by its suffix.

    Raises:
        UsageError: the file is missing, has another suffix, or is damaged; the message names the line.
    """
    if path.is_dir():
        raise UsageError(f"expected a table at {path}, but it cannot be read: it is a folder")
    if path.suffix.lower() not in _READERS:
        raise unknown(f"suffix of a table (of {path.name})", path.suffix, SUFFIXES)
    yield from _READERS[path.suffix.lower()](path)


def unit(path: Path) -> str:
    """What a number of `Record` counts in this file: "line" or "row"."""
    return "row" if path.suffix.lower() in (".json", ".parquet") else "line"


def parse_cell(location: str, text: str) -> Any:
    """The value of a JSON text in a row.

    Args:
        location: of the text, for the message.
        text: any JSON value.

    Raises:
        UsageError: as `reground.tasks.files.parse_json` refuses it.
    """
    try:
        return files.parse_json(text, allow_nan=True)
    except files.ContentError as error:
        raise UsageError(f"{location}: expected JSON, found '{text.strip()[:80]}': {error}") from error


def _read_csv(path: Path) -> Iterator[Record]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            delimiter = _delimiter(path, handle)
            reader = csv.reader(_lines(path, handle), strict=True, delimiter=delimiter)
            names = tuple(cell.strip() for cell in next(reader, []))
            yield Record(1, names, None)
            for cells in reader:
                if any(map(str.strip, cells)):
                    yield Record(reader.line_num, names, cells)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"expected a CSV in UTF-8 at {path}, but it cannot be read: {error}") from error


def _delimiter(path: Path, handle: TextIO) -> str:
    """The delimiter that the header has most of; leaves the handle at the start."""
    header = handle.readline(MAX_LINE)
    handle.seek(0)
    return "\t" if path.suffix.lower() == ".tsv" else max(_DELIMITERS, key=header.count)


def _read_json_lines(path: Path) -> Iterator[Record]:
    try:
        with path.open(encoding="utf-8-sig") as handle:
            for number, line in enumerate(_lines(path, handle), start=1):
                if line.strip():
                    location = f"{path}, line {number}"
                    yield _record(number, parse_cell(location, line), location)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"expected JSON lines in UTF-8 at {path}, but it cannot be read: {error}") from error


def _read_json(path: Path) -> Iterator[Record]:
    try:
        rows = files.read_json(path, MAX_DOCUMENT, allow_nan=True)
    except (OSError, files.ContentError) as error:
        raise UsageError(
            f"expected JSON in UTF-8 at {path}, but it cannot be read: {error}. A large table can be saved as JSON "
            "lines (.jsonl) or Parquet."
        ) from error
    if not isinstance(rows, list):
        raise UsageError(
            f"{path}: expected a list of objects, one a row (in pandas: orient='records'), found {type(rows).__name__}"
        )
    for number, row in enumerate(rows, start=1):
        yield _record(number, row, f"{path}, row {number}")


def _record(number: int, row: Any, location: str) -> Record:
    if not isinstance(row, dict):
        raise UsageError(f"{location}: expected an object with a value for each column, found {files.preview(row)}")
    return Record(number, tuple(name.strip() for name in row), list(row.values()))


def _read_parquet(path: Path) -> Iterator[Record]:
    try:
        with files.open_parquet(path) as table:
            yield Record(1, table.names, None)
            for number, cells in enumerate(table.rows(), start=1):
                yield Record(number, table.names, cells)
    except (OSError, files.ContentError) as error:
        raise UsageError(f"expected a Parquet file at {path}, but it cannot be read: {error}") from error


def _lines(path: Path, handle: TextIO) -> Iterator[str]:
    """The lines of a text, none longer than `MAX_LINE`."""
    while line := handle.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise UsageError(f"{path}: expected lines of at most {MAX_LINE:,} characters, found a longer one")
        if "\0" in line:
            raise UsageError(f"{path}: expected text in UTF-8, found a line with NUL characters: {files.preview(line)}")
        yield line


_READERS: Final[dict[str, Callable[[Path], Iterator[Record]]]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".txt": _read_csv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".json": _read_json,
    ".parquet": _read_parquet,
}
SUFFIXES: Final = tuple(_READERS)
"""Suffixes of files that hold a table."""
