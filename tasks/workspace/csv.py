"""Read a user's CSV; every complaint names the file, the line and what was expected."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from reground.tasks.errors import UsageError, unknown


def read_csv(
    path: Path, required: Sequence[str], optional: Sequence[str] | None = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV with a header, each with the number of the line it ends on.

    Args:
        path: UTF-8, with or without a byte order mark.
        required: columns that must be there.
        optional: further columns that may be; None: any. Those not there read as empty.

    Yields:
        (line, cells by column), cells stripped of surrounding blanks; blank lines are skipped.

    Raises:
        UsageError: no such file, not CSV, a column missing or unknown, a row too long or short.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.reader(handle, strict=True)
            header = [cell.strip() for cell in next(reader, [])]
            _check_header(path, header, required, optional)
            absent = dict.fromkeys(name for name in optional or () if name not in header)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield reader.line_num, {**_row(path, reader.line_num, header, cells), **dict.fromkeys(absent, "")}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"expected a CSV in UTF-8 at {path}, but it cannot be read: {error}") from error


def _check_header(path: Path, header: Sequence[str], required: Sequence[str], optional: Sequence[str] | None) -> None:
    missing = [name for name in required if name not in header]
    if missing:
        raise UsageError(
            f"{path}, line 1: expected the column(s) {', '.join(required)} (with commas between), "
            f"found: {', '.join(header) or 'nothing'}. Missing: {', '.join(missing)}."
        )
    if len(set(header)) < len(header):
        raise UsageError(f"{path}, line 1: expected every column once, found: {', '.join(header)}")
    for name in header:
        if optional is not None and name not in (*required, *optional):
            raise unknown(f"column (in {path})", name, (*required, *optional))


def _row(path: Path, line: int, header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    if len(cells) != len(header):
        raise UsageError(
            f"{path}, line {line}: expected {len(header)} cells ({', '.join(header)}), found {len(cells)}. "
            "A cell with a comma in it needs double quotes around it."
        )
    return {name: cell.strip() for name, cell in zip(header, cells)}
