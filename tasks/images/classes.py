"""Class vocabularies and groups: names, glosses, WordNet ids; what a label in a user's file means.

Reads the packaged vocabularies (see `reground.tasks.vocabularies` for sources) or a user's own files;
makes the rows of ``classes`` and ``groups``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.schema import ClassIdx, ClassRow, GroupRow
from reground.tasks.workspace import read_csv

GROUPS: Final = ("imagenet9", "superclasses")
"""The packaged group maps."""

_MAX_INDEX: Final = 2**31 - 1
_WNID: Final = re.compile(r"[anrsv]\d{8}")


class LabelError(RegroundError):
    """A label that names no class, or more than one."""


@dataclass(frozen=True)
class GroupCoverage:
    """How a group map lies on a vocabulary.

    Attributes:
        mapped: classes that lie in a group.
        missing: classes that lie in none.
        extra: what the map names and the vocabulary lacks.
    """

    mapped: tuple[ClassIdx, ...]
    missing: tuple[ClassIdx, ...]
    extra: tuple[str, ...]

    def __str__(self) -> str:
        extra = f", {len(self.extra)} in the map only" if self.extra else ""
        return f"{len(self.mapped):,} classes in a group, {len(self.missing):,} in none{extra}"


def load_classes(path: str | Path = "") -> list[ClassRow]:
    """The rows of ``classes``, by index: ImageNet-1k, or a user's CSV.

    Args:
        path: a CSV with the columns class_idx and name, and if wanted wnids (separated by
            blanks) and gloss; empty: ImageNet-1k.

    Raises:
        UsageError: the file is missing or malformed; names the line.
    """
    if path:
        return _read_classes(Path(path))
    with resources.as_file(resources.files("reground.tasks.vocabularies") / "imagenet.csv") as packaged:
        return _read_classes(packaged)


def _read_classes(path: Path) -> list[ClassRow]:
    rows: list[ClassRow] = []
    seen: dict[str, int] = {}
    for line, cells in read_csv(path, ("class_idx", "name"), ("wnids", "gloss")):
        row = _class_row(path, line, cells)
        for what in (f"class_idx {row['class_idx']}", f"name '{row['name']}'", *row["wnids"]):
            if what in seen:
                raise UsageError(f"{path}, line {line}: {what} is taken already, by line {seen[what]}")
            seen[what] = line
        rows.append(row)
    if not rows:
        raise UsageError(f"{path}: expected one class a line, found none below the header")
    return sorted(rows, key=lambda row: row["class_idx"])


def _class_row(path: Path, line: int, cells: Mapping[str, str]) -> ClassRow:
    class_idx, name, wnids = cells["class_idx"], cells["name"], cells["wnids"].split()
    if not (re.fullmatch(r"[0-9]{1,10}", class_idx) and int(class_idx) <= _MAX_INDEX):
        raise UsageError(f"{path}, line {line}: expected class_idx to be a whole number from 0 up, found '{class_idx}'")
    if not name:
        raise UsageError(f"{path}, line {line}: expected a name, found an empty cell")
    for wnid in wnids:
        if not _WNID.fullmatch(wnid):
            raise UsageError(f"{path}, line {line}: expected WordNet ids like n02084071, found '{wnid}'")
    return {"class_idx": ClassIdx(int(class_idx)), "name": name, "wnids": wnids, "gloss": cells["gloss"]}


def label_index(classes: Iterable[ClassRow]) -> dict[str, set[ClassIdx]]:
    """Everything that names a class, as text: its name, its WordNet ids, its index."""
    index: dict[str, set[ClassIdx]] = {}
    for row in classes:
        for text in (row["name"], *row["wnids"], str(row["class_idx"])):
            index.setdefault(text, set()).add(row["class_idx"])
    return index


def resolve_label(text: str, index: Mapping[str, set[ClassIdx]]) -> ClassIdx:
    """The class that a folder's name or a cell names: by WordNet id, exact name or index. Never guesses.

    Args:
        text: the label; an index may have leading zeros.
        index: as `label_index` makes it.

    Raises:
        LabelError: no class is called so, or two are (one by name, one by index).

    Examples:
        >>> resolve_label("n02099601", label_index(load_classes()))
        207
    """
    label = text.strip()
    digits = label.isascii() and label.isdigit()
    found = index.get(label, set()) | (index.get(label.lstrip("0") or "0", set()) if digits else set())
    if len(found) == 1:
        return next(iter(found))
    if found:
        raise LabelError(f"'{label}' names more than one class: {', '.join(map(str, sorted(found)))}")
    raise LabelError(f"'{label}' is no WordNet id, exact name or index of a class")


def load_groups(name_or_file: str | Path, classes: Sequence[ClassRow]) -> tuple[list[GroupRow], GroupCoverage]:
    """The rows of ``groups``, and how they cover the vocabulary.

    Args:
        name_or_file: ``imagenet9``, ``superclasses``, or a user's file: JSON
            ``{"group": ["class", ...]}`` or ``{"class": group number}`` (-1: none), or CSV with
            the columns group and class. A class is given by name, WordNet id or index; named groups
            are numbered as they come.
        classes: rows of ``classes``.

    Raises:
        UsageError: no such map or file, a malformed file, a class in two groups, or (in a
            user's file) classes that the vocabulary lacks.
    """
    named, source = read_group_map(name_or_file), str(name_or_file)
    group_of, extra = _assign(source, named, label_index(classes))
    if extra and source not in GROUPS:
        shown = ", ".join(extra[:10]) + (", ..." if len(extra) > 10 else "")
        raise UsageError(
            f"{source}: {len(extra)} of its entries name no class of the vocabulary, or more than one: {shown}. "
            "Expected exact names, WordNet ids or indices of the table 'classes'."
        )
    rows: list[GroupRow] = [
        {"group": group, "name": list(named)[group], "class_idx": class_idx}
        for class_idx, group in sorted(group_of.items(), key=lambda item: (item[1], item[0]))
    ]
    missing = [row["class_idx"] for row in classes if row["class_idx"] not in group_of]
    return rows, GroupCoverage(tuple(sorted(group_of)), tuple(missing), tuple(extra))


def read_group_map(name_or_file: str | Path) -> dict[str, list[str]]:
    """Group name -> labels of its classes, whatever the vocabulary.

    Args:
        name_or_file: as for `load_groups`.

    Raises:
        UsageError: no such map or file, or a malformed file.
    """
    if str(name_or_file) not in GROUPS:
        return _read_groups(_own_file(name_or_file))
    with resources.as_file(resources.files("reground.tasks.vocabularies") / f"{name_or_file}.csv") as packaged:
        return _read_groups(packaged)


def _own_file(name_or_file: str | Path) -> Path:
    path = Path(name_or_file)
    if path.suffix not in (".json", ".csv") or not path.is_file():
        raise UsageError(
            f"unknown groups '{name_or_file}': expected one of {', '.join(GROUPS)}, "
            "or a file that ends in .json or .csv"
        )
    return path


def _read_groups(path: Path) -> dict[str, list[str]]:
    """Group name -> labels of its classes, in the file's order."""
    if path.suffix == ".csv":
        named: dict[str, list[str]] = {}
        for line, cells in read_csv(path, ("group", "class")):
            if not (cells["group"] and cells["class"]):
                raise UsageError(f"{path}, line {line}: expected a group and a class, found an empty cell")
            named.setdefault(cells["group"], []).append(cells["class"])
    else:
        named = _read_json(path)
    if not named:
        raise UsageError(f"{path}: expected at least one group, found none")
    return named


def _read_json(path: Path) -> dict[str, list[str]]:
    """``{"group": ["class", ...]}``, or ``{"class": group}`` with -1 for none, as the published ``in_to_in9.json``."""
    expected = (
        'expected {"group": ["class", ...], ...} or {"class": group number}, a class by name, WordNet id or index'
    )

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise UsageError(f"{path}: expected every group once, found one twice: {[name for name, _ in pairs]}")
        return dict(pairs)

    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=once)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: {expected}, but it cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path}: {expected}, found a {type(found).__name__}")
    if found and all(type(group) is int for group in found.values()):
        numbers = sorted({group for group in found.values() if group >= 0})
        return {str(number): [label for label, group in found.items() if group == number] for number in numbers}
    for name, members in found.items():
        fine = isinstance(members, list) and all(type(m) in (str, int) for m in members)
        if not (fine and members):
            raise UsageError(f"{path}: {expected}, found for '{name}': {json.dumps(members)[:80]}")
    return {name: [str(member) for member in members] for name, members in found.items()}


def _assign(
    source: str, named: Mapping[str, list[str]], index: Mapping[str, set[ClassIdx]]
) -> tuple[dict[ClassIdx, int], list[str]]:
    """Each class's group, and the labels that name no class."""
    group_of: dict[ClassIdx, int] = {}
    extra: list[str] = []
    for group, (name, labels) in enumerate(named.items()):
        for label in labels:
            try:
                class_idx = resolve_label(label, index)
            except LabelError:
                extra.append(label)
                continue
            before = group_of.setdefault(class_idx, group)
            if before != group:
                raise UsageError(
                    f"{source}: class {class_idx} ('{label}') lies in two groups, "
                    f"'{list(named)[before]}' and '{name}'. "
                    "Expected each class in one; give groups of your own that keep to that."
                )
    return group_of, extra
