"""TOML from elsewhere."""

from __future__ import annotations

import tomllib
from typing import Any, Final

from reground.tasks.files.content import ContentError

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
        return tomllib.loads(text)
    except RecursionError:
        raise ContentError("it is nested too deeply") from None
    except ContentError:
        raise
    except ValueError as error:
        raise ContentError(str(error)) from error
