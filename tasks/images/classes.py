"""Class vocabularies and group maps: read them, and resolve text labels to classes.

Sources are the packaged vocabularies (see `reground.tasks.vocabularies`) or a user's files. The results
are rows of ``classes`` and ``groups``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from reground.tasks.errors import UsageError
from reground.tasks.files import ContentError, preview, read_json
from reground.tasks.images.labels import LabelError, LabelIndex, label_index, resolve_label
from reground.tasks.images.synset_mapping import mapped_classes, read_synset_mapping
from reground.tasks.schema import ClassIdx, ClassRow, GroupRow
from reground.tasks.tabular import read_text_table

GROUPS: Final = ("imagenet9", "superclasses")
"""The packaged group maps."""

_MAX_INDEX: Final = 2**31 - 1
_WNID: Final = re.compile(r"[anrsv]\d{8}")


@dataclass(frozen=True)
class GroupCoverage:
    """How a group map covers a vocabulary.

    Attributes:
        mapped: classes with a group.
        missing: classes without a group.
        extra: labels in the map that match no class.
    """

    mapped: tuple[ClassIdx, ...]
    missing: tuple[ClassIdx, ...]
    extra: tuple[str, ...]

    def __str__(self) -> str:
        extra = f", {len(self.extra)} in the map only" if self.extra else ""
        return f"{len(self.mapped):,} classes in a group, {len(self.missing):,} in none{extra}"


def load_classes(path: str | Path = "") -> list[ClassRow]:
    """Load the rows of ``classes``, sorted by index.

    Args:
        path: a CSV with the columns class_idx and name, and optionally wnids (separated by
            spaces) and gloss, or Kaggle's ``LOC_synset_mapping.txt``; empty: ImageNet-1k.

    Raises:
        UsageError: the file is missing or malformed; the message gives the line.
    """
    if path and Path(path).suffix.lower() == ".txt":
        return _from_mapping(Path(path))
    if path:
        return _read_classes(Path(path))
    with resources.as_file(resources.files("reground.tasks.vocabularies") / "imagenet.csv") as file:
        return _read_classes(file)


def _from_mapping(path: Path) -> list[ClassRow]:
    """Of ImageNet-1k's classes in their order the packaged rows, which have unique names and glosses."""
    synonyms, imagenet = read_synset_mapping(path), load_classes()
    if list(synonyms) == [row["wnids"][0] for row in imagenet]:
        return imagenet
    return mapped_classes(synonyms)


def _read_classes(path: Path) -> list[ClassRow]:
    rows: list[ClassRow] = []
    first_line: dict[str, int] = {}
    for line, cells in read_text_table(path, ("class_idx", "name"), ("wnids", "gloss")):
        row = _class_row(path, line, cells)
        for identifier in (f"class_idx {row['class_idx']}", f"name '{row['name']}'", *row["wnids"]):
            if identifier in first_line:
                raise UsageError(f"{path}, line {line}: {identifier} is already used on line {first_line[identifier]}")
            first_line[identifier] = line
        rows.append(row)
    if not rows:
        raise UsageError(f"{path}: expected one class per line, found none below the header")
    return sorted(rows, key=lambda row: row["class_idx"])


def _class_row(path: Path, line: int, cells: Mapping[str, str]) -> ClassRow:
    class_idx, name, wnids = cells["class_idx"], cells["name"], cells["wnids"].split()
    if not (re.fullmatch(r"[0-9]{1,10}", class_idx) and int(class_idx) <= _MAX_INDEX):
        raise UsageError(
            f"{path}, line {line}: expected class_idx to be a whole number, 0 or more, found '{class_idx}'"
        )
    if not name:
        raise UsageError(f"{path}, line {line}: expected a name, found an empty cell")
    for wnid in wnids:
        if not _WNID.fullmatch(wnid):
            raise UsageError(f"{path}, line {line}: expected WordNet ids like n02084071, found '{wnid}'")
    return {"class_idx": ClassIdx(int(class_idx)), "name": name, "wnids": wnids, "gloss": cells["gloss"]}


def load_groups(name_or_file: str | Path, classes: Sequence[ClassRow]) -> tuple[list[GroupRow], GroupCoverage]:
    """Load the rows of ``groups``, and how they cover the vocabulary.

    Args:
        name_or_file: ``imagenet9``, ``superclasses``, or a user's file: JSON
            ``{"group": ["class", ...]}`` or ``{"class": group number}`` (-1: none), or CSV with
            the columns group and class. A class is given by name, WordNet id or index; named groups
            are numbered in file order.
        classes: rows of ``classes``.

    Raises:
        UsageError: an unknown map, a missing or malformed file, a class in two groups, or (in a
            user's file) labels that match no class.
    """
    group_map, source = read_group_map(name_or_file), str(name_or_file)
    group_of, extra = _assign(source, group_map, label_index(classes))
    if extra and source not in GROUPS:
        preview = ", ".join(extra[:10]) + (", ..." if len(extra) > 10 else "")
        raise UsageError(
            f"{source}: {len(extra)} of its entries match no class of the vocabulary, or more than one: {preview}. "
            "Expected exact names, WordNet ids or indices of the table 'classes'."
        )
    rows: list[GroupRow] = [
        {"group": group, "name": list(group_map)[group], "class_idx": class_idx}
        for class_idx, group in sorted(group_of.items(), key=lambda item: (item[1], item[0]))
    ]
    missing = [row["class_idx"] for row in classes if row["class_idx"] not in group_of]
    return rows, GroupCoverage(tuple(sorted(group_of)), tuple(missing), tuple(extra))


def read_group_map(name_or_file: str | Path) -> dict[str, list[str]]:
    """Read a group map as group name -> labels of its classes, without resolving the labels.

    Args:
        name_or_file: as for `load_groups`.

    Raises:
        UsageError: an unknown map, or a missing or malformed file.
    """
    if str(name_or_file) not in GROUPS:
        return _read_groups(_user_file(name_or_file))
    with resources.as_file(resources.files("reground.tasks.vocabularies") / f"{name_or_file}.csv") as file:
        return _read_groups(file)


def _user_file(name_or_file: str | Path) -> Path:
    path = Path(name_or_file)
    if path.suffix not in (".json", ".csv") or not path.is_file():
        raise UsageError(
            f"unknown groups '{name_or_file}': expected one of {', '.join(GROUPS)}, or a .json or .csv file"
        )
    return path


def _read_groups(path: Path) -> dict[str, list[str]]:
    """Group name -> labels of its classes, in file order."""
    if path.suffix == ".csv":
        groups: dict[str, list[str]] = {}
        for line, cells in read_text_table(path, ("group", "class")):
            if not (cells["group"] and cells["class"]):
                raise UsageError(f"{path}, line {line}: expected a group and a class, found an empty cell")
            groups.setdefault(cells["group"], []).append(cells["class"])
    else:
        groups = _read_json(path)
    if not groups:
        raise UsageError(f"{path}: expected at least one group, found none")
    return groups


def _read_json(path: Path) -> dict[str, list[str]]:
    """``{"group": ["class", ...]}``, or ``{"class": group}`` with -1 for none, like ``in_to_in9.json``."""
    expected = (
        'expected {"group": ["class", ...], ...} or {"class": group number}, a class by name, WordNet id or index'
    )
    try:
        content = read_json(path)
    except (OSError, ContentError) as error:
        raise UsageError(f"{path}: {expected}, but it cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: {expected}, found a {type(content).__name__}")
    if content and all(type(group) is int for group in content.values()):
        numbers = sorted({group for group in content.values() if group >= 0})
        return {str(number): [label for label, group in content.items() if group == number] for number in numbers}
    for name, members in content.items():
        valid = isinstance(members, list) and all(type(m) in (str, int) for m in members)
        if not (valid and members):
            raise UsageError(f"{path}: {expected}, found for {preview(name)}: {preview(members)}")
    return {name: [str(member) for member in members] for name, members in content.items()}


def _assign(
    source: str, group_map: Mapping[str, list[str]], index: LabelIndex
) -> tuple[dict[ClassIdx, int], list[str]]:
    """The group of each class, and the labels that match no class."""
    group_of: dict[ClassIdx, int] = {}
    extra: list[str] = []
    for group, (name, labels) in enumerate(group_map.items()):
        for label in labels:
            try:
                class_idx = resolve_label(label, index)
            except LabelError:
                extra.append(label)
                continue
            previous = group_of.setdefault(class_idx, group)
            if previous != group:
                raise UsageError(
                    f"{source}: class {class_idx} ('{label}') is in two groups, "
                    f"'{list(group_map)[previous]}' and '{name}'. "
                    "Expected each class in one group: use a group map of your own."
                )
    return group_of, extra
