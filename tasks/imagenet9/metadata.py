"""Metadata of a file, from ``metadata.csv`` or its name, and the groups of ``groups.csv``.

This project's exports add the two tables to the released layout.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import reground.tasks.imagenet9.layout as layout
from reground.tasks.errors import UsageError
from reground.tasks.images import load_groups
from reground.tasks.schema import ClassIdx, ClassRow, GroupRow
from reground.tasks.tabular import read_text_table

Groups = list[GroupRow]
"""Rows of the table ``groups``."""

AMBIGUOUS_SETS: Final = ("mixed_rand",)
"""Sets whose published file names are those of another set."""

_WHOLE_NUMBER: Final = re.compile(r"\d{1,19}", re.ASCII)


@dataclass(frozen=True)
class FileMetadata:
    """Metadata of a file, from ``metadata.csv`` or from its name.

    Attributes:
        image_id: of the foreground.
        group: of its folder.
        class_idx: of the foreground; None: unknown.
        background_id: image_id of the background; None: no background, or unknown.
        background_group: group of the background; None: no background, or unknown.
        seed: of the choice of background; 0: no background, or unknown.
    """

    image_id: str
    group: int
    class_idx: int | None = None
    background_id: str | None = None
    background_group: int | None = None
    seed: int = 0

    def with_background_group(self, group: int | None) -> FileMetadata:
        """A copy with this group of the background."""
        return replace(self, background_group=group)


def read_groups(path: Path, classes: Sequence[ClassRow]) -> Groups:
    """Read the groups of a ``groups.csv``, or of ImageNet-9 if there is none.

    Args:
        path: of the file.
        classes: rows of ``classes``.

    Raises:
        UsageError: a malformed file, a class outside of the vocabulary, or a class in two groups.
    """
    if not path.exists():
        return load_groups("imagenet9", classes)[0]
    class_ids = {row["class_idx"] for row in classes}
    rows: dict[int, GroupRow] = {}
    names: dict[int, str] = {}
    for line, cells in read_text_table(path, layout.GROUP_COLUMNS):
        group, class_idx = (_whole_number(path, line, cells, name) for name in ("group", "class_idx"))
        if class_idx not in class_ids:
            raise UsageError(f"{path}, line {line}: expected a class_idx of the vocabulary, found {class_idx}")
        if class_idx in rows:
            raise UsageError(f"{path}, line {line}: expected each class in one group, found {class_idx} twice")
        if names.setdefault(group, cells["name"]) != cells["name"]:
            raise UsageError(
                f"{path}, line {line}: expected one name per group, found '{names[group]}' and '{cells['name']}'"
            )
        rows[class_idx] = {"group": group, "name": cells["name"], "class_idx": ClassIdx(class_idx)}
    if not rows:
        raise UsageError(f"{path}: expected at least one class in a group, found none")
    return sorted(rows.values(), key=lambda row: (row["group"], row["class_idx"]))


def read_metadata(path: Path, classes: Collection[int], class_folders: Sequence[str]) -> Mapping[str, FileMetadata]:
    """Read a ``metadata.csv``.

    Args:
        path: of the file.
        classes: every class_idx of the vocabulary.
        class_folders: in order of the group.

    Returns:
        Path in the archive -> metadata; empty if there is no file.

    Raises:
        UsageError: a malformed file; the message gives the line.
    """
    entries: dict[str, FileMetadata] = {}
    if not path.exists():
        return entries
    for line, cells in read_text_table(path, layout.METADATA_COLUMNS):
        path_in_archive, metadata = cells["path"], _file_metadata(path, line, cells)
        if metadata.class_idx not in classes:
            raise UsageError(f"{path}, line {line}: expected a class_idx of the vocabulary, found {metadata.class_idx}")
        parts = path_in_archive.split("/")
        if not (len(parts) > 3 and metadata.group < len(class_folders) and parts[2] == class_folders[metadata.group]):
            raise UsageError(
                f"{path}, line {line}: expected a path SET/{layout.SPLIT}/CLASS/FILE, with the class folder of group "
                f"{metadata.group} ({', '.join(class_folders)}), found '{path_in_archive}'"
            )
        if path_in_archive in entries:
            raise UsageError(f"{path}, line {line}: expected each path once, found '{path_in_archive}' twice")
        entries[path_in_archive] = metadata
    return entries


def metadata_from_name(name: str, stem: str, group: int) -> FileMetadata:
    """The metadata in a file name.

    Args:
        name: of the set.
        stem: of the file.
        group: of its folder.
    """
    name_parts = layout.parse_mixed(stem) if name.startswith("mixed_") else None
    if name_parts is None:
        return FileMetadata(layout.parse_stem(stem), group)
    if name in AMBIGUOUS_SETS and name_parts.seed is None:
        return FileMetadata(name_parts.image_id, group)
    return FileMetadata(
        name_parts.image_id,
        group,
        background_id=name_parts.background_id,
        background_group=name_parts.background_group,
        seed=name_parts.seed or 0,
    )


def _file_metadata(path: Path, line: int, cells: Mapping[str, str]) -> FileMetadata:
    for name in ("image_id", "background_id"):
        if not layout.is_key(cells[name]) and (cells[name] or name == "image_id"):
            raise UsageError(f"{path}, line {line}: expected an {name} without '/', found '{cells[name]}'")
    background_group = _whole_number(path, line, cells, "background_group") if cells["background_group"] else None
    return FileMetadata(
        cells["image_id"],
        _whole_number(path, line, cells, "group"),
        _whole_number(path, line, cells, "class_idx"),
        cells["background_id"] or None,
        background_group,
        _whole_number(path, line, cells, "seed", layout.MAX_SEED) if cells["seed"] else 0,
    )


def _whole_number(path: Path, line: int, cells: Mapping[str, str], name: str, maximum: int = 2**31 - 1) -> int:
    text = cells[name]
    if not (_WHOLE_NUMBER.fullmatch(text) and int(text) <= maximum):
        raise UsageError(
            f"{path}, line {line}: expected {name} to be a whole number up to {maximum}, found '{text[:40]}'"
        )
    return int(text)
