"""JSON documents of published labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from reground.tasks.errors import UsageError
from reground.tasks.files import ContentError, read_json

MAX_BYTES: Final = 2**30
"""Of a document, twice the largest published detection file; in memory it takes some ten times as much."""


def read_document(path: Path) -> Any:
    """The value in a JSON file.

    Raises:
        UsageError: it cannot be read, is too large, or no JSON.
    """
    try:
        return read_json(path, MAX_BYTES, allow_nan=True)
    except (OSError, ContentError) as error:
        raise UsageError(f"expected JSON in UTF-8 at {path}, but it cannot be read: {error}") from error
