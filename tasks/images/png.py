"""Parts of PNG files that do not affect the pixels and that Pillow refuses where they are large.

Pillow limits what texts and colour profiles may take in memory. Neither is used here, except that a text
may hold the EXIF orientation.

Source: https://www.w3.org/TR/png-3/#5Chunk-layout.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
MAX_KEPT: Final = 65_536
"""Bytes of a text with the orientation that is kept; compressed texts of this size have up to 1,000 times as many."""

_DROPPED: Final = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
_ORIENTATION_KEYWORDS: Final = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")


def without_texts(content: bytes) -> bytes:
    """The file without texts and colour profile.

    Short texts that may hold the orientation stay, and so do damaged chunks, so that the damage is reported.

    Args:
        content: the whole file; one that is not PNG is returned unchanged.
    """
    if not content.startswith(SIGNATURE):
        return content
    kept = [content[start:end] for start, end, dropped in _chunks(content) if not dropped]
    return b"".join((SIGNATURE, *kept))


def _chunks(content: bytes) -> Iterator[tuple[int, int, bool]]:
    """Start and end of each chunk, and whether it can be left out; bytes after the last whole chunk are one more."""
    start = len(SIGNATURE)
    while start < len(content):
        body = start + 8
        size, kind = struct.unpack(">I4s", content[start:body]) if body <= len(content) else (len(content), b"")
        end = body + size + 4
        if end > len(content):
            yield start, len(content), False
            return
        has_text = kind in _DROPPED and not _may_orient(content[body : end - 4])
        yield start, end, has_text and _is_whole(content, start, end)
        start = end


def _is_whole(content: bytes, start: int, end: int) -> bool:
    (checksum,) = struct.unpack(">I", content[end - 4 : end])
    return zlib.crc32(content[start + 4 : end - 4]) == checksum


def _may_orient(text: bytes) -> bool:
    return len(text) <= MAX_KEPT and text.startswith(_ORIENTATION_KEYWORDS)
