"""The tables that our exports put beside the images of the released layout: who is who, and which groups there are."""

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
from reground.tasks.workspace import read_csv

Groups = list[GroupRow]
"""Rows of the table ``groups``."""

_WHOLE: Final = re.compile(r"\d{1,19}", re.ASCII)


@dataclass(frozen=True)
class Named:
    """What a file's name, or the metadata, says of it.

    Attributes:
        image_id: key of the foreground's image.
        group: that of its folder.
        class_idx: None: not said.
        background_id: None: none, or not said.
        background_group: None: none, or not said.
        seed: that chose the background; 0: none, or not said.
    """

    image_id: str
    group: int
    class_idx: int | None = None
    background_id: str | None = None
    background_group: int | None = None
    seed: int = 0

    def in_background_group(self, group: int | None) -> Named:
        """The same with the background's group."""
        return replace(self, background_group=group)


def read_groups(path: Path, classes: Sequence[ClassRow]) -> Groups:
    """The groups in a ``groups.csv``; those of ImageNet-9 if there is none.

    Raises:
        UsageError: a malformed file, a class that the vocabulary lacks, or one in two groups.
    """
    if not path.exists():
        return load_groups("imagenet9", classes)[0]
    known = {row["class_idx"] for row in classes}
    rows: dict[int, GroupRow] = {}
    names: dict[int, str] = {}
    for line, cells in read_csv(path, layout.GROUP_COLUMNS):
        group, class_idx = (_whole(path, line, cells, name) for name in ("group", "class_idx"))
        if class_idx not in known:
            raise UsageError(f"{path}, line {line}: expected a class_idx of the vocabulary, found {class_idx}")
        if class_idx in rows:
            raise UsageError(f"{path}, line {line}: expected each class in one group, found {class_idx} twice")
        if names.setdefault(group, cells["name"]) != cells["name"]:
            raise UsageError(
                f"{path}, line {line}: expected one name a group, found '{names[group]}' and '{cells['name']}'"
            )
        rows[class_idx] = {"group": group, "name": cells["name"], "class_idx": ClassIdx(class_idx)}
    if not rows:
        raise UsageError(f"{path}: expected at least one class in a group, found none")
    return sorted(rows.values(), key=lambda row: (row["group"], row["class_idx"]))


def read_metadata(path: Path, classes: Collection[int], class_folders: Sequence[str]) -> Mapping[str, Named]:
    """What a ``metadata.csv`` says, by the path of the file; nothing if there is none.

    Args:
        path: of the file.
        classes: every class_idx of the vocabulary.
        class_folders: of the groups, by number.

    Raises:
        UsageError: a malformed file; names the line.
    """
    told: dict[str, Named] = {}
    if not path.exists():
        return told
    for line, cells in read_csv(path, layout.METADATA_COLUMNS):
        place, named = cells["path"], _named(path, line, cells)
        if named.class_idx not in classes:
            raise UsageError(f"{path}, line {line}: expected a class_idx of the vocabulary, found {named.class_idx}")
        within = place.split("/")
        if not (len(within) > 3 and named.group < len(class_folders) and within[2] == class_folders[named.group]):
            raise UsageError(
                f"{path}, line {line}: expected a path SET/{layout.SPLIT}/CLASS/FILE, with the class folder of group "
                f"{named.group} ({', '.join(class_folders)}), found '{place}'"
            )
        if place in told:
            raise UsageError(f"{path}, line {line}: expected every path once, found '{place}' twice")
        told[place] = named
    return told


def _named(path: Path, line: int, cells: Mapping[str, str]) -> Named:
    for name in ("image_id", "background_id"):
        if not layout.is_key(cells[name]) and (cells[name] or name == "image_id"):
            raise UsageError(f"{path}, line {line}: expected an {name} without '/', found '{cells[name]}'")
    background_group = _whole(path, line, cells, "background_group") if cells["background_group"] else None
    return Named(
        cells["image_id"],
        _whole(path, line, cells, "group"),
        _whole(path, line, cells, "class_idx"),
        cells["background_id"] or None,
        background_group,
        _whole(path, line, cells, "seed", layout.MAX_SEED) if cells["seed"] else 0,
    )


def _whole(path: Path, line: int, cells: Mapping[str, str], name: str, most: int = 2**31 - 1) -> int:
    text = cells[name]
    if not (_WHOLE.fullmatch(text) and int(text) <= most):
        raise UsageError(f"{path}, line {line}: expected {name} to be a whole number up to {most}, found '{text[:40]}'")
    return int(text)
