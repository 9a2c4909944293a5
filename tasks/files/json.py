"""JSON from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from reground.tasks.files.content import PUBLISHED_FACTOR, ContentError, read_bytes

MAX_JSON_BYTES: Final = PUBLISHED_FACTOR * 2_300_000
"""Default limit; the largest published list (50,000 file names of cleanlab/label-errors) has 2.3 MB. In memory, JSON
takes up to 40 times its size."""

Pairs = list[tuple[str, Any]]


def read_json(
    path: Path,
    max_bytes: int = MAX_JSON_BYTES,
    allow_nan: bool = False,
    object_pairs_hook: Callable[[Pairs], Any] | None = None,
) -> Any:
    """The value in a JSON file in UTF-8; for the other arguments see `parse_json`.

    Raises:
        OSError: it cannot be read.
        ContentError: it is larger than ``max_bytes``, or as `parse_json` raises.
    """
    return parse_json(read_bytes(path, max_bytes), allow_nan, object_pairs_hook)


def parse_json(
    content: bytes | str, allow_nan: bool = False, object_pairs_hook: Callable[[Pairs], Any] | None = None
) -> Any:
    """The value in a JSON text.

    Args:
        content: in UTF-8, with or without a byte order mark.
        allow_nan: ``NaN`` and ``Infinity``, which are not JSON, are numbers.
        object_pairs_hook: as of `json.loads`.

    Raises:
        ContentError: it is not JSON, is nested too deeply, or has text that is not Unicode (lone surrogates).

    Examples:
        >>> parse_json(b'{"a": [1, 2.5]}')
        {'a': [1, 2.5]}
    """
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        value = json.loads(
            text, parse_constant=None if allow_nan else _refuse_constant, object_pairs_hook=object_pairs_hook
        )
    except RecursionError:
        raise ContentError("it is nested too deeply") from None
    except ContentError:
        raise
    except ValueError as error:
        raise ContentError(str(error)) from error
    # Only an escape can bring a lone surrogate past the decoder.
    if "\\ud" in text or "\\uD" in text:
        _check_text(value)
    return value


def _refuse_constant(constant: str) -> Any:
    raise ContentError(f"{constant} is not JSON")


def _check_text(value: Any) -> None:
    queue = [value]
    while queue:
        node = queue.pop()
        if isinstance(node, dict):
            queue += [*node.keys(), *node.values()]
        elif isinstance(node, list):
            queue += node
        elif isinstance(node, str):
            try:
                node.encode()
            except UnicodeEncodeError as error:
                raise ContentError(f"text that is not Unicode: {error.reason} at {error.start}") from None
