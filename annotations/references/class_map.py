"""Their classes as the workspace's: a map that the user gives, else WordNet ids, names and indices."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from reground.annotations.references.entries import Numbers
from reground.tasks.errors import UsageError
from reground.tasks.images import LabelError, LabelIndex, label_index, load_classes, resolve_label
from reground.tasks.schema import ClassIdx, ClassRow, ReferenceClassRow
from reground.tasks.tabular import read_text_table, unit
from reground.tasks.text import count_of

COLUMNS: Final = ("theirs", "ours")
_NUMBER: Final = re.compile(r"[0-9]+(\.0*)?")


@dataclass(frozen=True)
class ClassMap:
    """A map of classes.

    Attributes:
        classes_of: their class -> the workspace's classes that it is; empty: it is none of them.
        unknown: ours of the map that match no class -> the reason. Their classes have no match.
    """

    classes_of: Mapping[str, tuple[ClassIdx, ...] | None]
    unknown: Mapping[str, str] = field(default_factory=dict[str, str])


class ClassMatch(NamedTuple):
    """The classes that one of theirs is, and how it was matched: map, name, wnid or index."""

    class_idxs: tuple[ClassIdx, ...]
    how: str


@dataclass(frozen=True)
class ClassCoverage:
    """How a map, or the names alone, cover the classes of a file.

    Attributes:
        covered: their classes with a match.
        outside: of those, classes that the map says are none of the workspace's.
        missing: their classes without a match -> number of labels.
        unused: classes in the map that the file lacks.
        unknown: classes of the workspace in the map that there are not -> the reason.
        unreached: number of the workspace's classes that none of theirs is.
    """

    covered: int
    outside: int
    missing: Mapping[str, int]
    unused: Sequence[str]
    unknown: Mapping[str, str]
    unreached: int

    def lines(self) -> Iterator[str]:
        """The coverage in words."""
        yield f"classes of the file: {self.covered:,} covered" + (
            f", {self.outside:,} of them as none of this workspace's" if self.outside else ""
        )
        for what, names in (
            (
                "classes without a match",
                [f"{name} ({count_of(count, 'label')})" for name, count in self.missing.items()],
            ),
            ("classes in the map only", list(self.unused)),
            ("classes in the map that this workspace lacks", list(self.unknown.values())),
        ):
            if names:
                yield f"{what}: {len(names):,}: {_first(names)}"
        if self.unreached:
            yield f"classes of this workspace that no class of the file is: {self.unreached:,}"


class ClassMatcher:
    """Finds the workspace's classes that a class of a file is.

    Args:
        classes: the workspace's.
        class_map: of the user; a class that it lacks is matched by WordNet id or name.
        numbers: what a class that is a number means. With a map, a number of the workspace's means nothing: a file
            with a map has a numbering of its own.
    """

    def __init__(self, classes: Sequence[ClassRow], class_map: ClassMap | None, numbers: Numbers) -> None:
        self._classes = classes
        self._map = class_map
        self._numbers = Numbers.NONE if class_map and numbers == Numbers.WORKSPACE else numbers
        self._index = label_index(classes)
        self._own_wnids = {wnid for row in classes for wnid in row["wnids"]}
        self._wnids = [row["wnids"][0] for row in load_classes()] if numbers == Numbers.IMAGENET else []
        self._matches: dict[str, ClassMatch | None] = {}
        self.labels: Counter[str] = Counter()
        self.reasons: dict[str, str] = {}
        """Class without a match -> why."""

    def match(self, label: str) -> ClassMatch | None:
        """The classes that a class of theirs is; None: not known. Counts the label.

        Raises:
            UsageError: the file's classes are indices of ImageNet's, and this is none.
        """
        self.add(label)
        self.labels[label] += 1
        return self._matches[label]

    def add(self, label: str) -> None:
        """A class of the file's vocabulary, whether or not it has labels."""
        if label not in self._matches:
            self._matches[label] = self._match(label)

    def coverage(self) -> ClassCoverage:
        """How the classes so far are covered."""
        matched = {label: match for label, match in self._matches.items() if match is not None}
        missing = {label: self.labels[label] for label in self._matches if label not in matched}
        reached = {class_idx for match in matched.values() for class_idx in match.class_idxs}
        return ClassCoverage(
            covered=len(matched),
            outside=sum(not match.class_idxs for match in matched.values()),
            missing=dict(sorted(missing.items(), key=lambda item: (-item[1], item[0]))),
            unused=[theirs for theirs in self._map.classes_of if not self._occurs(theirs)] if self._map else [],
            unknown=self._map.unknown if self._map else {},
            unreached=len({row["class_idx"] for row in self._classes} - reached),
        )

    def rows(self) -> list[ReferenceClassRow]:
        """Rows of ``reference_classes``."""
        return [row for label in sorted(self._matches) for row in self._rows(label)]

    def _rows(self, label: str) -> Iterator[ReferenceClassRow]:
        match = self._matches[label]
        for class_idx in (match.class_idxs if match else ()) or (None,):
            how = match.how if match else "none"
            yield {"theirs": label, "class_idx": class_idx, "match": how, "labels": self.labels[label]}

    def _occurs(self, theirs: str) -> bool:
        return any(theirs in self._spellings(label) for label in self._matches)

    def _spellings(self, label: str) -> tuple[str, ...]:
        """What a map may call a class: as the file does, or by the WordNet id of ImageNet's index."""
        return (label, self._wnids[int(label)]) if self._wnids else (label,)

    def _match(self, label: str) -> ClassMatch | None:
        is_number = bool(_NUMBER.fullmatch(label))
        if self._wnids and not (label.isascii() and label.isdigit() and int(label[:5]) < len(self._wnids)):
            last = len(self._wnids) - 1
            raise UsageError(f"expected indices of ImageNet's classes, 0 to {last}, found '{label[:60]}'")
        for spelling in self._spellings(label) if self._map else ():
            if spelling in self._map.classes_of:  # type: ignore[union-attr]
                class_idxs = self._map.classes_of[spelling]  # type: ignore[union-attr]
                if class_idxs is None:
                    self.reasons[label] = f"the map takes '{label}' for a class that this workspace lacks"
                    return None
                return ClassMatch(class_idxs, "map")
        name = self._wnids[int(label)] if self._wnids else label
        if is_number and self._numbers == Numbers.NONE:
            self.reasons[label] = f"'{label}' is a number of the file's own: map it to a class of this workspace"
            return None
        try:
            class_idx = resolve_label(name, self._index)
        except LabelError as error:
            self.reasons[label] = str(error)
            return None
        how = "index" if is_number and not self._wnids else "wnid" if name in self._own_wnids else "name"
        return ClassMatch((class_idx,), how)


def read_class_map(path: Path, classes: Sequence[ClassRow]) -> ClassMap:
    """Read a map of classes: a table with the columns theirs and ours.

    One row a pair: a class of theirs may be several of ours, and several of theirs one of ours. An empty ours says
    that a class is none of the workspace's. Ours is a WordNet id, a name or an index.

    Raises:
        UsageError: the file is missing or malformed, or a row contradicts another; names the line.
    """
    index = label_index(classes)
    pairs: dict[str, list[ClassIdx | None]] = {}
    lines: dict[str, int] = {}
    unknown: dict[str, str] = {}
    for line, cells in read_text_table(path, COLUMNS):
        theirs, ours, location = cells["theirs"], cells["ours"], f"{path}, {unit(path)} {line}"
        if not theirs:
            raise UsageError(f"{location}: expected a class of theirs, found an empty cell")
        if theirs in pairs and (not ours or not pairs[theirs]):
            raise UsageError(
                f"{location}: '{theirs}' is none of this workspace's classes here, and one of them on the other line "
                f"({lines[theirs]})"
            )
        lines.setdefault(theirs, line)
        found = pairs.setdefault(theirs, [])
        if ours:
            found.append(_resolve(ours, index, location, unknown))
    if not pairs:
        raise UsageError(f"{path}: expected one pair of classes a {unit(path)}, found none")
    return ClassMap({theirs: _all_known(found) for theirs, found in pairs.items()}, unknown)


def _resolve(ours: str, index: LabelIndex, location: str, unknown: dict[str, str]) -> ClassIdx | None:
    try:
        return resolve_label(ours, index)
    except LabelError as error:
        unknown.setdefault(ours, f"{error} ({location})")
        return None


def _all_known(class_idxs: Sequence[ClassIdx | None]) -> tuple[ClassIdx, ...] | None:
    """The classes, each once; None: one of them is not known."""
    known = tuple(dict.fromkeys(class_idx for class_idx in class_idxs if class_idx is not None))
    return None if None in class_idxs else known


def _first(names: Sequence[str], limit: int = 5) -> str:
    return ", ".join(names[:limit]) + (", ..." if len(names) > limit else "")
