"""JSON from elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from reground.tasks.files.content import PUBLISHED_FACTOR, ContentError, read_bytes
from reground.tasks.files.preview import preview

MAX_JSON_BYTES: Final = PUBLISHED_FACTOR * 2_300_000
"""Default limit; the largest published list (50,000 file names of cleanlab/label-errors) has 2.3 MB."""
MAX_CONTAINERS: Final = 10_000_000
"""Objects and lists; each takes 64 bytes of memory or more. The instances of COCO's training set have 4 million."""
MAX_VALUES: Final = 100_000_000
"""Values in objects and lists; each takes up to 60 bytes."""


def read_json(path: Path, max_bytes: int = MAX_JSON_BYTES, allow_nan: bool = False) -> Any:
    """The value in a JSON file in UTF-8; for the other arguments see `parse_json`.

    Raises:
        OSError: it cannot be read.
        ContentError: it is larger than ``max_bytes``, or as `parse_json` raises.
    """
    return parse_json(read_bytes(path, max_bytes), allow_nan)


def parse_json(content: bytes | str, allow_nan: bool = False) -> Any:
    """The value in a JSON text.

    Args:
        content: in UTF-8, with or without a byte order mark.
        allow_nan: ``NaN`` and ``Infinity``, which are not JSON, are numbers.

    Raises:
        ContentError: it is not JSON, is nested too deeply, names a key twice in one object, has text that is not
            Unicode (lone surrogates), or more than `MAX_CONTAINERS` objects and lists or `MAX_VALUES` values.

    Examples:
        >>> parse_json(b'{"a": [1, 2.5]}')
        {'a': [1, 2.5]}
    """
    _check_count(content)
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        value = json.loads(text, parse_constant=None if allow_nan else _refuse_constant, object_pairs_hook=_unique_keys)
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


def _check_count(content: bytes | str) -> None:
    """Brackets and commas bound what the parser makes, before it makes it; those inside of text count too."""
    brackets, comma = ((b"{", b"["), b",") if isinstance(content, bytes) else (("{", "["), ",")
    containers = sum(content.count(bracket) for bracket in brackets)  # type: ignore[arg-type]
    if containers > MAX_CONTAINERS:
        raise ContentError(f"it has over {MAX_CONTAINERS:,} objects and lists, the limit for a JSON text")
    if content.count(comma) > MAX_VALUES:  # type: ignore[arg-type]
        raise ContentError(f"it has over {MAX_VALUES:,} values, the limit for a JSON text")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ContentError(f"a key occurs twice among {preview([name for name, _ in pairs])}")
    return values


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
