"""Other spellings of class names: case, underscores and hyphens, and the synonyms of ImageNet's classes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from reground.tasks.schema import ClassIdx, ClassRow
from reground.tasks.tabular import read_text_table

_WNID_PREFIX: Final = re.compile(r"(n\d{8})[\W_]+\S")
"""How a label begins that a WordNet id and a name make up: ``n01440764 tench``, ``n01440764_tench``."""

Keys = dict[str, set[ClassIdx]]


class Spellings:
    """The classes that a label may mean that is no name, id or index of any.

    Names come first, then the first synonym of each of ImageNet's classes, then all synonyms: where the first
    ones leave one class or several, the later ones are not asked.

    Args:
        classes: rows of ``classes``; those with a WordNet id of ImageNet's have synonyms.
    """

    def __init__(self, classes: Iterable[ClassRow]) -> None:
        self.names: dict[str, str] = {}
        """Simplified name -> name."""
        self._wnids: Keys = {}
        names, first, synonyms = Keys(), Keys(), Keys()
        for row in classes:
            self.names.setdefault(simplify(row["name"]), row["name"])
            names.setdefault(simplify(row["name"]), set()).add(row["class_idx"])
            for wnid in row["wnids"]:
                self._wnids.setdefault(wnid, set()).add(row["class_idx"])
                words = imagenet_synonyms().get(wnid, ())
                for key in map(simplify, words[:1]):
                    first.setdefault(key, set()).add(row["class_idx"])
                for key in map(simplify, words):
                    synonyms.setdefault(key, set()).add(row["class_idx"])
        self._tiers: Sequence[Keys] = (names, first, synonyms)

    def matches(self, label: str) -> set[ClassIdx]:
        """The classes that a label may mean; empty: none.

        A list of synonyms means the class that has all of them.
        """
        prefix = _WNID_PREFIX.match(label.strip())
        if prefix:
            return self._wnids.get(prefix[1], set())
        whole = self._lookup(label)
        parts = [part for part in label.split(",") if part.strip()]
        if whole or len(parts) < 2:
            return whole
        return set[ClassIdx].intersection(*map(self._synonym, parts))

    def _lookup(self, text: str) -> set[ClassIdx]:
        key = simplify(text)
        return next((tier[key] for tier in self._tiers if key in tier), set())

    def _synonym(self, text: str) -> set[ClassIdx]:
        key = simplify(text)
        return {class_idx for tier in self._tiers for class_idx in tier.get(key, ())}


def simplify(name: str) -> str:
    """A name without case, accents of compatibility, and anything but letters and digits.

    Examples:
        >>> simplify("Great_White-Shark"), simplify("jack-o'-lantern"), simplify("crane (bird)")
        ('great white shark', 'jack o lantern', 'crane bird')
    """
    text = unicodedata.normalize("NFKC", name).casefold().replace("\u2019", "'")
    return " ".join(re.findall(r"[^\W_]+", text))


@cache
def imagenet_synonyms() -> Mapping[str, tuple[str, ...]]:
    """WordNet id -> synonyms of each of ImageNet's classes, in WordNet's order."""
    with resources.as_file(resources.files("reground.tasks.vocabularies") / "imagenet_synonyms.csv") as file:
        return dict(_rows(file))


def _rows(file: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    for _, cells in read_text_table(file, ("wnid", "synonyms")):
        yield cells["wnid"], tuple(cells["synonyms"].split(", "))
