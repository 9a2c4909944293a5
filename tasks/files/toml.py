"""TOML from elsewhere."""

from __future__ import annotations

import tomllib
from typing import Any, Final

from reground.tasks.files.content import ContentError
from reground.tasks.files.preview import preview

MAX_TOML_BYTES: Final = 100_000
"""A file with every setting has 5,000."""
MAX_DOTS: Final = 64
"""On one line: the parser's time grows with the square of the parts of a key."""


def parse_toml(content: bytes) -> dict[str, Any]:
    """The table in a TOML file in UTF-8, with or without a byte order mark.

    Raises:
        ContentError: it is too large, not TOML, or nested too deeply.

    Examples:
        >>> parse_toml(b"[masks]\\nseed = 1")
        {'masks': {'seed': 1}}
    """
    if len(content) > MAX_TOML_BYTES:
        raise ContentError(f"over {MAX_TOML_BYTES:,} bytes, the limit for TOML")
    try:
        text = content.decode("utf-8-sig")
        for number, line in enumerate(text.split("\n"), start=1):
            if line.count(".") > MAX_DOTS:
                raise ContentError(f"line {number} has over {MAX_DOTS} dots")
        table = tomllib.loads(text)
    except RecursionError:
        raise ContentError("it is nested too deeply") from None
    except ContentError:
        raise
    except ValueError as error:
        raise ContentError(str(error)) from error
    _check_integers(table)
    return table


def _check_integers(table: dict[str, Any]) -> None:
    """TOML has integers of 64 bits; Python reads longer ones."""
    queue: list[Any] = [table]
    while queue:
        node = queue.pop()
        if isinstance(node, dict | list):
            queue += node.values() if isinstance(node, dict) else node
        elif isinstance(node, int) and node.bit_length() > 63:
            raise ContentError(f"{preview(node)}, and TOML has integers of 64 bits")
