"""``reground table``: one table, on the terminal or in a file."""

from __future__ import annotations

import functools
import itertools
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import pandas as pd
from cyclopts import App, Parameter
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from reground.flows.cli.examples import examples
from reground.flows.cli.execute import require_workspace
from reground.flows.cli.options import WorkspaceUrl
from reground.flows.cli.result import Result
from reground.tasks.errors import UsageError
from reground.tasks.text import count_of, visible
from reground.tasks.workspace import Workspace, read_table, write_table

ROWS: Final = 20
CELL: Final = 40
"""Columns of a cell on a terminal; a longer one wraps."""
CELL_LINES: Final = 4
"""Lines of a cell on a terminal."""
GAP: Final = "  "

app = App(
    "table",
    help_epilogue=examples(
        "reground table truth -w W",
        "reground table predictions/efficientnet-lite0 -w W --limit 5",
        "reground table evaluation -w W --to evaluation.csv",
        "reground table classes -w W --to classes.csv --escape-formulas",
        "reground table images -w W --limit 0 | grep hook",
    ),
)


@app.default
def table(
    name: Annotated[str, Parameter(help="Name of the table, for example truth or predictions/efficientnet-lite0.")],
    /,
    *,
    workspace: WorkspaceUrl,
    to: Annotated[
        Path | None, Parameter(help="Write the whole table to this .csv, .jsonl or .parquet.", metavar="FILE")
    ] = None,
    escape_formulas: Annotated[
        bool,
        Parameter(
            help="In a .csv, put an apostrophe before text that a spreadsheet would run as a formula.",
            negative=(),
            show_default=False,
        ),
    ] = False,
    limit: Annotated[
        int | None,
        Parameter(help="Rows to print; 0: all.", metavar="N", show_default=lambda _: f"{ROWS}, with --json all"),
    ] = None,
) -> Result:
    """Print a table, or write it to a file."""
    here = Workspace(workspace)
    require_workspace(here)
    if to is not None:
        if limit is not None:
            raise UsageError("expected --to FILE or --limit N, got both: a file holds the whole table.")
        rows = write_table(here, name, to, escape_formulas)
        return Result(f"wrote {count_of(rows, 'row')} to {to}", {"rows": rows, "to": str(to)})
    if escape_formulas:
        raise UsageError("expected --to FILE.csv with --escape-formulas: a terminal runs no formulas.")
    if limit is not None and limit < 0:
        raise UsageError(f"expected --limit of at least 0, got {limit}.")
    frame = read_table(here, name)
    head = frame.head(ROWS if limit is None else limit or len(frame))
    text, left_out = _text(head, shutil.get_terminal_size().columns if sys.stdout.isatty() else 0)
    every = frame if limit is None else head
    data = {"table": name, "rows": len(frame), "data": [_plain(row) for row in every.to_dict("records")]}
    return Result(text, data, "; ".join(_notes(head, frame, left_out)))


def _notes(head: pd.DataFrame, frame: pd.DataFrame, left_out: Sequence[str]) -> Iterator[str]:
    hints = "--to FILE writes all"
    if len(head) < len(frame):
        yield f"{len(head):,} of {len(frame):,} rows; --limit 0 prints all, {hints}"
    else:
        yield count_of(len(frame), "row")
    if left_out:
        yield f"columns that do not fit: {', '.join(left_out)}"


def _text(frame: pd.DataFrame, width: int) -> tuple[str, list[str]]:
    """Columns side by side, and the names of those that do not fit ``width`` characters; 0: no terminal."""
    columns = {str(name): _cells(str(name), frame[name], width) for name in frame}
    widths = {name: max(cell_len(line) for cell in cells for line in cell) for name, cells in columns.items()}
    names = list(columns)
    while width and len(names) > 1 and sum(widths[name] + len(GAP) for name in names) > width + len(GAP):
        names.pop()
    numbers = {name for name in names if pd.api.types.is_numeric_dtype(frame[name])}
    rows = zip(*(columns[name] for name in names), strict=True)
    lines = [
        GAP.join(_pad(part, widths[name], name in numbers) for name, part in zip(names, parts, strict=True)).rstrip()
        for row in rows
        for parts in itertools.zip_longest(*row, fillvalue="")
    ]
    return "\n".join(lines), [name for name in columns if name not in names]


def _cells(name: str, values: pd.Series[Any], width: int) -> list[list[str]]:
    """The lines of each cell of a column, its name first."""
    return [_wrapped(cell) if width else [cell] for cell in (name, *map(_cell, values))]


def _wrapped(cell: str) -> list[str]:
    if cell_len(cell) <= CELL:
        return [cell]
    lines = [line.plain.rstrip() for line in Text(cell).wrap(_console(), CELL, overflow="fold")]
    return [*lines[: CELL_LINES - 1], f"{lines[CELL_LINES - 1][:-1]}…"] if len(lines) > CELL_LINES else lines


@functools.cache
def _console() -> Console:
    return Console()


def _pad(text: str, width: int, is_number: bool) -> str:
    blank = " " * (width - cell_len(text))
    return blank + text if is_number else text + blank


def _cell(value: Any) -> str:
    plain = _plain(value)
    if plain is None:
        return "-"
    if isinstance(plain, float):
        return f"{plain:.6g}"
    if isinstance(plain, list) and not any(isinstance(item, dict | list) for item in plain):
        return ",".join(map(_cell, plain)) or "-"
    return visible(plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False))


def _plain(value: Any) -> Any:
    """As JSON has it; NaN and NA are null."""
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value
