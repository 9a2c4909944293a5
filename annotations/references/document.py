"""JSON documents of published labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from reground.tasks.errors import UsageError
from reground.tasks.tabular import parse_json

MAX_BYTES: Final = 2**30
"""Of a document; in memory it takes some ten times as much."""
MAX_PREVIEW: Final = 60
"""Characters of a value in a message."""


def read_document(path: Path) -> Any:
    """The value in a JSON file.

    Raises:
        UsageError: it cannot be read, is too large, or no JSON.
    """
    try:
        with path.open("rb") as handle:
            content = handle.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"expected JSON in UTF-8 at {path}, but it cannot be read: {error}") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{path}: expected JSON of at most {MAX_BYTES:,} bytes: save the labels as a Parquet table")
    return parse_json(str(path), text)


def preview(value: Any) -> str:
    """A value in a message."""
    if isinstance(value, list | dict):
        return f"a {'list' if isinstance(value, list) else 'object'} of {len(value):,}"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_PREVIEW else f"{text[:MAX_PREVIEW]}..."
