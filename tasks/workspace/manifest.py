"""The manifest: what a step made of a shard, and from what; one JSON file an entry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reground.tasks.schema import Rows


@dataclass(frozen=True)
class Output:
    """What a step makes of one shard: rows by table name, and files by path."""

    tables: Mapping[str, Rows] = field(default_factory=dict[str, Rows])
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


@dataclass(frozen=True)
class Part:
    """One file that an entry lists."""

    path: str
    rows: int
    sha256: str


@dataclass(frozen=True)
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


def entry_path(step: str, shard: str) -> str:
    """Path of an entry's file below the workspace's root."""
    return f"manifest/{step}/{shard}.json"


def file_paths(entry: Entry) -> set[str]:
    """Paths of the files that an entry lists, below the workspace's root."""
    return {part.path for parts in (entry.tables, entry.files) for part in parts.values()}


def parse_entry(content: bytes) -> Entry:
    """The entry in a file's bytes."""
    raw = json.loads(content)
    return Entry(
        raw["step"],
        raw["shard"],
        raw["key"],
        {name: Part(**part) for name, part in raw["tables"].items()},
        {name: Part(**part) for name, part in raw["files"].items()},
        raw.get("settings", {}),
    )
