"""CSV for spreadsheets, which run a cell as a formula where it begins as one."""

from __future__ import annotations

import contextlib
import csv
from pathlib import Path

from reground.tasks.text import spreadsheet_cell


def escape_csv(path: Path) -> None:
    """Rewrite a CSV so that a spreadsheet shows every cell of text; numbers stay as they are.

    A cell of text that begins as a formula gets an apostrophe before it, and control and direction characters are
    shown: such a file is for people, and gives other keys than the tables where keys look like formulas.
    """
    escaped = path.with_name(f".{path.name}.escaped")
    with path.open(newline="", encoding="utf-8") as source, escaped.open("w", newline="", encoding="utf-8") as target:
        csv.writer(target).writerows([_cell(text) for text in row] for row in csv.reader(source))
    escaped.replace(path)


def _cell(text: str) -> str:
    with contextlib.suppress(ValueError):
        float(text)
        return text
    return spreadsheet_cell(text)
