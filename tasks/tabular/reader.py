"""Read a table from a file: rows of named cells, with their line numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from reground.tasks.errors import UsageError
from reground.tasks.tabular.columns import Columns
from reground.tasks.tabular.formats import Record, read_records, unit


def read_table(
    path: Path,
    required: Sequence[str],
    optional: Sequence[str] | None = (),
    columns: Mapping[str, str] | None = None,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a table, each with the number of its line (JSON and Parquet: of its row).

    Args:
        path: CSV or TSV (UTF-8, with or without a byte order mark; a CSV may have semicolons or tabs), JSON lines,
            JSON (a list of objects) or Parquet.
        required: columns that must be there.
        optional: further columns that may be; None: any. Those not there read as None.
        columns: name -> the file's column with it, where that is another. With any, the file's other columns are
            ignored. The index that pandas writes along always is.

    Yields:
        (number, cells by column). Cells of CSV and TSV are text, stripped, and None where empty; the others have the
        type they have in the file. Blank lines are skipped.

    Raises:
        UsageError: no such file, a damaged one, a column missing or unknown, or a row too long or short.
    """
    yield from _read(path, Columns(required, optional, columns or {}), _cell)


def read_text_table(
    path: Path,
    required: Sequence[str],
    optional: Sequence[str] | None = (),
    columns: Mapping[str, str] | None = None,
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a table as `read_table` gives them, but every cell as text, empty where there is none.

    Whole numbers have no decimals (pandas turns a column with a gap into floats), truth values are ``yes`` and
    ``no``, times ISO 8601, lists JSON.
    """
    yield from _read(path, Columns(required, optional, columns or {}), to_text)


def read_column_names(path: Path) -> tuple[str, ...]:
    """The names of a table's columns; of JSON those of the first row.

    Raises:
        UsageError: no such file, or a damaged one.
    """
    return next((record.names for record in read_records(path)), ())


def to_text(value: Any) -> str:
    """A cell as text.

    Examples:
        >>> [to_text(value) for value in (3.0, 0.25, True, None, float("nan"), " a ")]
        ['3', '0.25', 'yes', '', '', 'a']
    """
    if isinstance(value, str):
        return value.strip()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.isoformat() if isinstance(value, date) else str(value)


def _cell(value: Any) -> Any:
    return (value.strip() or None) if isinstance(value, str) else value


def _read(path: Path, columns: Columns, convert: Callable[[Any], Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    positions: dict[tuple[str, ...], dict[str, int]] = {}
    absent = dict.fromkeys((*columns.required, *(columns.optional or ())), convert(None))
    for record in read_records(path):
        if record.names not in positions:
            positions[record.names] = columns.positions(f"{path}, {unit(path)} {record.number}", record.names)
        if record.values is not None:
            _check_length(path, record)
            values = record.values
            cells = {name: convert(values[position]) for name, position in positions[record.names].items()}
            yield record.number, absent | cells


def _check_length(path: Path, record: Record) -> None:
    if record.values is not None and len(record.values) != len(record.names):
        raise UsageError(
            f"{path}, {unit(path)} {record.number}: expected {len(record.names)} cells ({', '.join(record.names)}), "
            f"found {len(record.values)}. A cell with a comma in it needs double quotes around it."
        )
