"""What the manifest lists: a shard of a step, what it was made from, and its files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reground.tasks.schema import Rows


@dataclass(frozen=True)
class Output:
    """What a step makes of one shard: rows by table name, and files by path."""

    tables: Mapping[str, Rows] = field(default_factory=dict[str, Rows])
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


Counts = tuple[tuple[tuple[str, ...], int], ...]
"""Values of a table's ``counts`` columns, as text, and how many rows have them; in order."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file that an entry lists.

    Attributes:
        path: below the workspace's root.
        rows: of a table; 0 for another file.
        bytes: size of the file.
        digest: XXH3-128 of the file, in hexadecimal: notices damage, proves no origin.
        counts: of a table that counts rows by some columns; empty for any other.
    """

    path: str
    rows: int
    bytes: int
    digest: str
    counts: Counts = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the manifest: a shard of a step, the key and settings it was made under, and its files."""

    step: str
    shard: str
    key: str
    tables: Mapping[str, Part]
    files: Mapping[str, Part]
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])


def digest(*parts: str) -> str:
    """A key made of keys: 32 hexadecimal digits."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
