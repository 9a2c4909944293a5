"""Votes in a format that a plugin reads: its rows have the columns of the CSV, and the same checks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from reground.annotations.published.answers import COLUMNS, AnswerReader, Lines
from reground.annotations.published.vocabulary import Vocabulary
from reground.tasks.errors import RegroundError, UsageError, unknown
from reground.tasks.plugins import Plugin
from reground.tasks.tabular import to_text
from reground.tasks.workspace import digest

ReadAnswers = Callable[[Path], Iterable[Mapping[str, Any]]]
"""(path) -> rows with the columns of the CSV; each call reads the path from the start."""


def check_reader(target: Any) -> ReadAnswers:
    """Check the object that a plugin of ``reground.votes`` provides.

    Raises:
        TypeError: it is not a function.
    """
    if not callable(target):
        raise TypeError(f"expected a function (path) -> rows, got {type(target).__name__}")
    return target  # pyright: ignore[reportReturnType]  (its rows are checked as they are read)


def plugin_reader(
    path: Path,
    read: ReadAnswers,
    plugin: Plugin,
    source: str,
    vocabulary: Vocabulary,
    image_ids: Collection[str] | None,
) -> AnswerReader:
    """A reader that calls a plugin; for the other arguments see `AnswerReader`.

    Raises:
        UsageError: the plugin cannot read the path, or a row has an unknown column.
    """

    def lines() -> Lines:
        try:
            for number, row in enumerate(read(path), start=1):
                yield number, _cells(row, f"{path}, row {number}")
        except RegroundError:
            raise
        except Exception as error:  # a parser may raise anything
            raise UsageError(
                f"{path}: '{plugin.name}' of {plugin.origin} cannot read votes there: {type(error).__name__}: {error}."
            ) from error

    content = hashlib.sha256()
    for _, cells in lines():
        content.update(json.dumps(cells, sort_keys=True).encode())
    content_digest = digest(plugin.origin, content.hexdigest())
    return AnswerReader(path, lines, content_digest, source, vocabulary, image_ids, unit="row")


def _cells(row: Mapping[str, Any], location: str) -> dict[str, str]:
    for name in row:
        if name not in COLUMNS:
            raise unknown(f"column ({location})", name, COLUMNS)
    return {name: to_text(row.get(name)) for name in COLUMNS}
