"""Any table as one file for other programs: .csv, .jsonl or .parquet."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from reground.tasks import schema
from reground.tasks.errors import RegroundError, UsageError, unknown
from reground.tasks.schema import arrow_schema
from reground.tasks.text import spreadsheet_cell
from reground.tasks.workspace.store import Workspace


def write_table(workspace: Workspace, name: str, to: Path, escape_formulas: bool = False) -> int:
    """Write the table ``name``; returns its rows. Lists and boxes are JSON in .csv; pictures are left out of text.

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
    frame = read_table(workspace, name, with_pictures=to.suffix == ".parquet")
    frame = _escaped(frame) if escape_formulas else frame
    try:
        WRITERS[to.suffix](frame, to, name)
    except OSError as error:
        raise RegroundError(f"cannot write {to}: {error.strerror or error}.") from error
    return len(frame)


def read_table(workspace: Workspace, name: str, with_pictures: bool = False) -> pd.DataFrame:
    """The table ``name`` whole, ordered by its key.

    Raises:
        UsageError: no such table.
        RegroundError: nobody made the table yet.
    """
    if not workspace.parts(name):
        made = ", ".join(workspace.tables()) or "none"
        raise RegroundError(f"expected the table '{name}' in {workspace.url}; made so far: {made}.")
    columns = schema.table(name).names()
    return workspace.read(name, [column for column in columns if with_pictures or column != "image"])


def _csv(frame: pd.DataFrame, to: Path, name: str) -> None:
    nested = [str(column) for column in frame if _is_nested(name, str(column))]
    lists = {column: frame[column].map(_json, na_action="ignore") for column in nested}
    frame.assign(**lists).to_csv(to, index=False)


def _escaped(frame: pd.DataFrame) -> pd.DataFrame:
    """Text that no spreadsheet runs; numbers, lists and boxes as they are."""
    return frame.map(lambda value: spreadsheet_cell(value) if isinstance(value, str) else value, na_action="ignore")


def _jsonl(frame: pd.DataFrame, to: Path, name: str) -> None:
    with to.open("w") as handle:
        for row in frame.to_dict("records"):
            handle.write(_json(row) + "\n")


def _parquet(frame: pd.DataFrame, to: Path, name: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # NaN is a value here, not a null: in columns that may have no null it stays.
    columns = [pa.array(frame[f.name].to_numpy(), f.type, from_pandas=f.nullable) for f in arrow_schema(name)]
    pq.write_table(pa.table(columns, arrow_schema(name)), to)


WRITERS: Final[dict[str, Callable[[pd.DataFrame, Path, str], None]]] = {
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
}


def _is_nested(name: str, column: str) -> bool:
    return any(c.name == column and c.type.startswith(("list", "box")) for c in schema.table(name).columns)


def _json(value: Any) -> str:
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"no JSON for {type(value)}")
