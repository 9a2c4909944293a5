"""Any table as one file for other programs: .csv, .jsonl or .parquet."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from reground.tasks import schema
from reground.tasks.errors import RegroundError, UsageError, unknown
from reground.tasks.text import spreadsheet_cell
from reground.tasks.workspace.store import Workspace

WHOLE_NUMBERS: Final = {
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
}
"""Arrow's types -> those of pandas that have nulls too: a whole number stays one beside a null."""
PICTURES: Final = ("image", "binary")
"""Types of columns that text leaves out."""


def write_table(workspace: Workspace, name: str, to: Path, escape_formulas: bool = False) -> int:
    """Write the table ``name``; returns its rows.

    All formats say the same: Parquet has the table's own types; in .jsonl and .csv, which have no NaN, numbers that
    are not known are null and empty cells. Lists and boxes are JSON in .csv; pictures are left out of text.

    Args:
        workspace: that holds it.
        name: of the table.
        to: file; its ending says which format.
        escape_formulas: in .csv, put an apostrophe before text that a spreadsheet would run, and show control and
            direction characters; keys that begin like a formula are others then.

    Raises:
        UsageError: no such table, another file ending, or formulas to escape outside .csv.
        RegroundError: nobody made the table yet, or the file cannot be written.
    """
    if to.suffix not in WRITERS:
        raise unknown("file ending", to.suffix, WRITERS)
    if escape_formulas and to.suffix != ".csv":
        raise UsageError(f"expected a .csv to escape formulas in, got {to}: nothing runs formulas of other files.")
    table = _read(workspace, name, with_pictures=to.suffix == ".parquet")
    try:
        WRITERS[to.suffix](table, to, spreadsheet_cell if escape_formulas else str)
    except OSError as error:
        raise RegroundError(f"cannot write {to}: {error.strerror or error}.") from error
    return len(table)


def read_table(workspace: Workspace, name: str) -> pd.DataFrame:
    """The table ``name`` without pictures, ordered by its key.

    Raises:
        UsageError: no such table.
        RegroundError: nobody made the table yet.
    """
    return _read(workspace, name, with_pictures=False).to_pandas(types_mapper=WHOLE_NUMBERS.get)


def _read(workspace: Workspace, name: str, with_pictures: bool) -> pa.Table:
    plan = schema.table(name)
    if not workspace.parts(name):
        made = ", ".join(workspace.tables()) or "none"
        raise RegroundError(f"expected the table '{name}' in {workspace.url}; made so far: {made}.")
    columns = [column.name for column in plan.columns if with_pictures or column.type not in PICTURES]
    table = workspace.read_arrow(name, columns)
    return table.sort_by([(column, "ascending") for column in plan.key]) if plan.key else table


def _csv(table: pa.Table, to: Path, escape: Callable[[str], str]) -> None:
    with to.open("w", newline="", encoding="utf-8") as handle:
        lines = csv.writer(handle, lineterminator="\n")
        lines.writerow(table.column_names)
        lines.writerows([_cell(value, escape) for value in row.values()] for row in _rows(table))


def _cell(value: Any, escape: Callable[[str], str]) -> Any:
    """Of lists and boxes JSON; None becomes an empty cell."""
    if isinstance(value, list | dict):
        return _json(value)
    return escape(value) if isinstance(value, str) else value


def _jsonl(table: pa.Table, to: Path, escape: Callable[[str], str]) -> None:
    with to.open("w", encoding="utf-8") as handle:
        handle.writelines(f"{_json(row)}\n" for row in _rows(table))


def _parquet(table: pa.Table, to: Path, escape: Callable[[str], str]) -> None:
    pq.write_table(table, to)


WRITERS: Final[dict[str, Callable[[pa.Table, Path, Callable[[str], str]], None]]] = {
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
}


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Plain rows: NaN as None, and numbers of single precision in the fewest digits that tell them apart."""
    single = {field.name for field in table.schema if _is_single(field.type)}
    double = {field.name for field in table.schema if field.type == pa.float64()}
    for batch in table.to_batches():
        for row in batch.to_pylist():
            yield {
                name: _numbers(value, name in single) if name in single or name in double else value
                for name, value in row.items()
            }


def _is_single(kind: pa.DataType) -> bool:
    return kind.value_type == pa.float32() if pa.types.is_list(kind) else kind == pa.float32()


def _numbers(value: Any, single: bool) -> Any:
    if isinstance(value, list):
        return [_numbers(item, single) for item in value]
    if value is None or math.isnan(value):
        return None
    return float(str(np.float32(value))) if single else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
