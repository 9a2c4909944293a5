"""Votes in a layout that a plugin reads: its rows are those of the CSV, and are checked as those are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from reground.annotations.published.csv import OPTIONAL, REQUIRED, AnswerReader, Lines
from reground.annotations.published.rows import Vocabulary
from reground.tasks.errors import RegroundError, UsageError, unknown
from reground.tasks.plugins import Plugin
from reground.tasks.workspace import digest

ReadAnswers = Callable[[Path], Iterable[Mapping[str, Any]]]
"""(path) -> answers, each by the columns of the CSV; the path is read from the start with each call."""


def check_reader(target: Any) -> ReadAnswers:
    """What a plugin of ``reground.votes`` brings.

    Raises:
        TypeError: it is no function.
    """
    if not callable(target):
        raise TypeError(f"expected a function (path) -> rows, got {type(target).__name__}")
    return target


def plugin_reader(
    path: Path, read: ReadAnswers, plugin: Plugin, vocabulary: Vocabulary, known: Collection[str] | None
) -> AnswerReader:
    """Reads with a plugin; its name is the source of the votes.

    Raises:
        UsageError: the plugin cannot read what is there, or a row has columns that it should not have.
    """

    def lines() -> Lines:
        try:
            for number, row in enumerate(read(path), start=1):
                yield number, _cells(row, f"{path}, row {number}")
        except RegroundError:
            raise
        except Exception as error:  # whatever a parser trips over
            raise UsageError(
                f"{path}: '{plugin.name}' of {plugin.origin} cannot read votes there: {type(error).__name__}: {error}."
            ) from error

    content = hashlib.sha256()
    for _, cells in lines():
        content.update(json.dumps(cells, sort_keys=True).encode())
    stamp = digest(plugin.origin, content.hexdigest())
    return AnswerReader(path, lines, stamp, plugin.name, vocabulary, known, unit="row")


def _cells(row: Mapping[str, Any], where: str) -> dict[str, str]:
    for name in row:
        if name not in (*REQUIRED, *OPTIONAL):
            raise unknown(f"column ({where})", name, (*REQUIRED, *OPTIONAL))
    return {name: _text(row.get(name)) for name in (*REQUIRED, *OPTIONAL)}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, datetime) else str(value).strip()
