"""JSON documents of published labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from reground.tasks.errors import UsageError
from reground.tasks.files import read_bytes
from reground.tasks.tabular import parse_json

MAX_BYTES: Final = 2**30
"""Of a document, twice the largest published detection file; in memory it takes some ten times as much."""


def read_document(path: Path) -> Any:
    """The value in a JSON file.

    Raises:
        UsageError: it cannot be read, is too large, or no JSON.
    """
    try:
        text = read_bytes(path, MAX_BYTES).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise UsageError(f"expected JSON in UTF-8 at {path}, but it cannot be read: {error}") from error
    return parse_json(str(path), text)
