"""Labels as text: which class one names, by WordNet id, name or index."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cached_property
from typing import Final

from reground.tasks.errors import RegroundError
from reground.tasks.images.listed_file import normalize
from reground.tasks.images.spellings import Spellings, simplify
from reground.tasks.schema import ClassIdx, ClassRow
from reground.tasks.text import shorten

MAX_NEAR: Final = 3
"""Names that a message lists for a label that matches none."""
MAX_SEARCHES: Final = 100
"""Labels of one index for which near names are searched: a file may have a million that name no class."""

_WHOLE_NUMBER: Final = re.compile(r"0*(\d+)(?:\.0+)?", re.ASCII)


class LabelError(RegroundError):
    """A label that matches no class, or more than one."""


class LabelIndex(dict[str, set[ClassIdx]]):
    """Label of a class (its name, WordNet ids and index, as text) -> the classes it matches.

    Args:
        classes: rows of ``classes``.
    """

    def __init__(self, classes: Iterable[ClassRow]) -> None:
        super().__init__()
        self.classes = list(classes)
        self._searches = 0
        for row in self.classes:
            for text in (normalize(row["name"]), *row["wnids"], str(row["class_idx"])):
                self.setdefault(text, set()).add(row["class_idx"])

    @cached_property
    def spellings(self) -> Spellings:
        """Other spellings of the names."""
        return Spellings(self.classes)

    def near(self, label: str) -> list[str]:
        """Names that a mistyped label may mean; none after `MAX_SEARCHES` calls."""
        self._searches += 1
        if self._searches > MAX_SEARCHES:
            return []
        names = self.spellings.names
        keys = get_close_matches(simplify(label), names, n=MAX_NEAR, cutoff=0.8)
        return list(dict.fromkeys(names[key] for key in keys))


def label_index(classes: Iterable[ClassRow]) -> LabelIndex:
    """Index the labels of classes, for `resolve_label`."""
    return LabelIndex(classes)


def resolve_label(text: str, index: LabelIndex) -> ClassIdx:
    """Resolve a label to its class, by WordNet id, name or index.

    Args:
        text: the label; an index may have leading zeros, or zeros after the point, as pandas writes whole numbers
            where others are missing. A name may be spelled otherwise (see `Spellings`).
        index: from `label_index`.

    Raises:
        LabelError: the label matches no class, or several.

    Examples:
        >>> from reground.tasks.images import load_classes
        >>> index = label_index(load_classes())
        >>> resolve_label("n02099601", index), resolve_label("207.0", index), resolve_label("Golden_Retriever", index)
        (207, 207, 207)
    """
    label = normalize(text.strip())
    number = _WHOLE_NUMBER.fullmatch(label)
    matches = index.get(label, set()) | (index.get(number[1], set()) if number else set())
    matches = matches or index.spellings.matches(label)
    if len(matches) == 1:
        return next(iter(matches))
    if matches:
        names = {row["class_idx"]: row["name"] for row in index.classes}
        listed = ", ".join(f"{class_idx} ({names[class_idx]})" for class_idx in sorted(matches))
        raise LabelError(f"'{shorten(label)}' matches more than one class: {listed}")
    label = shorten(label)  # before the search for near names, whose time grows with it
    near = ", ".join(map(repr, index.near(label)))
    raise LabelError(f"'{label}' is no WordNet id, name or index of a class{f' (near: {near})' if near else ''}")


def class_by_name(text: str, index: LabelIndex) -> ClassIdx | None:
    """The class that has a text as its WordNet id or name; None: none or several, or the text is a number.

    Args:
        text: names an object in a box file or a folder; unlike a label it need not name a class.
        index: from `label_index`.
    """
    label = normalize(text.strip())
    matches = set[ClassIdx]() if label.isdigit() else index.get(label, set())
    return next(iter(matches)) if len(matches) == 1 else None
