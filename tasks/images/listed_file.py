"""A file as a listing shows it.

Names are in Unicode's normal form C, whatever the file system has: macOS decomposes them (form D), most
editors and tables do not (https://unicode.org/reports/tr15).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reground.tasks.schema import DropReason

_SYSTEM: Final = frozenset({"thumbs.db", "desktop.ini", "__macosx", "$recycle.bin", "icon\r"})


@dataclass(frozen=True)
class FileProblem:
    """Why a file or folder cannot be used: a reason code of the table ``dropped`` and a message."""

    reason: DropReason
    detail: str


@dataclass(frozen=True)
class ListedFile:
    """A file, or a folder that cannot be listed. Its content has not been read.

    Attributes:
        name: path below the listed folder, with ``/`` as separator, in normal form C.
        uri: absolute path, as the file system has it.
        stamp: size in bytes and modification time; changes when the file changes.
        size: in bytes.
        problem: why the file cannot be used; None: no problem so far.
    """

    name: str
    uri: str
    stamp: str = ""
    size: int = 0
    problem: FileProblem | None = None

    @property
    def stem(self) -> str:
        """The name without folders and suffix."""
        return Path(self.name).stem

    @property
    def is_folder(self) -> bool:
        """Whether this is a folder that cannot be listed."""
        return self.name.endswith("/")


def normalize(name: str) -> str:
    """A name in the form by which names are compared: two spellings of the same characters are equal.

    Examples:
        >>> normalize("cafe\u0301") == "caf\u00e9"
        True
    """
    return unicodedata.normalize("NFC", name)


def is_hidden(name: str) -> bool:
    """Whether a file or folder is no data: its name begins with a dot, or a system makes it by itself."""
    return name.startswith(".") or name.lower() in _SYSTEM
