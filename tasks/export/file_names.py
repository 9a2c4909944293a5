"""Names of files and folders in an export: what any file system and any reader takes, one for each key."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

MAX_NAME: Final = 200
"""Characters of a name; file systems allow 255 bytes with the suffix."""

_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.ASCII | re.IGNORECASE)
"""Names that Windows keeps for devices, whatever follows their first dot."""
_SUFFIXES: Final = {
    b"\xff\xd8\xff": (".jpg", ".jpeg"),
    b"\x89PNG": (".png",),
    b"GIF8": (".gif",),
    b"RIFF": (".webp",),
    b"BM": (".bmp",),
    b"II*\0": (".tif", ".tiff"),
    b"MM\0*": (".tif", ".tiff"),
}
"""How a file begins -> the suffixes that its format has."""


def stem(image_id: str) -> str:
    """The file name of an image without suffix: no dot, as readers cut names at dots.

    Examples:
        >>> stem("ILSVRC2012_val_00000003"), stem("cats/a b.2"), stem("nul")
        ('ILSVRC2012_val_00000003', 'cats%2Fa%20b%2E2', '%6Eul')
    """
    return _fit(_escape(quote(image_id, safe="").replace(".", "%2E")))


def folder(name: str) -> str:
    """The folder of a class.

    Examples:
        >>> folder("great white shark"), folder("AC/DC"), folder("Con"), folder("..")
        ('great white shark', 'AC%2FDC', '%43on', '%2E%2E')
    """
    escaped = quote(name, safe=" ,()'")
    escaped = re.sub(r"^\.|^ |[. ]$", lambda match: f"%{ord(match[0]):02X}", escaped)  # hidden, or cut off by Windows
    return _fit(_escape(escaped.replace("..", "%2E%2E")))


def folders(names: Mapping[int, str]) -> dict[int, str]:
    """class_idx -> its folder: no two alike, even where capitals do not count."""
    folder_of: dict[int, str] = {}
    used: set[str] = set()
    for class_idx, name in sorted(names.items()):
        name_free = free(folder(name), used, str(class_idx))
        used.add(name_free.casefold())
        folder_of[class_idx] = name_free
    return folder_of


def free(name: str, used: Collection[str], key: str) -> str:
    """``name``, followed by its key where another has it already."""
    while name.casefold() in used:
        name = f"{name}~{key}"
    return name


def suffix(uri: str, content: bytes) -> str:
    """The suffix of a picture's copy: its own where that tells its format, else its format's."""
    own = Path(uri).suffix
    for magic, suffixes in _SUFFIXES.items():
        if content.startswith(magic):
            return own if own.lower() in suffixes else suffixes[0]
    return own or ".img"


def _escape(escaped: str) -> str:
    return f"%{ord(escaped[0]):02X}{escaped[1:]}" if _RESERVED.match(escaped) else escaped


def _fit(name: str) -> str:
    if len(name) <= MAX_NAME:
        return name or "%"
    return f"{name[: MAX_NAME - 17]}~{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"
