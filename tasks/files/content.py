"""The content of a file, up to a limit."""

from __future__ import annotations

from pathlib import Path
from typing import Final

PUBLISHED_FACTOR: Final = 16
"""A limit is this multiple of the largest published file of its kind, unless its docstring says otherwise."""


class ContentError(ValueError):
    """The content of a file is not what it should be, or is over a limit; says what came and what was expected."""


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """The content of a file.

    Args:
        path: of the file; a device or a pipe is read up to the limit.
        max_bytes: largest size.

    Raises:
        OSError: it cannot be read.
        ContentError: it is larger.
    """
    with path.open("rb") as handle:
        content = handle.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ContentError(f"over {max_bytes:,} bytes, the limit for such a file")
    return content
