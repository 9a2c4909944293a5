"""Kaggle's ``LOC_synset_mapping.txt``: a WordNet id and the synonyms of a class in each line."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Final

from reground.tasks.errors import UsageError
from reground.tasks.schema import ClassIdx, ClassRow

_WNID: Final = re.compile(r"n\d{8}", re.ASCII)


def read_synset_mapping(path: Path) -> dict[str, list[str]]:
    """Read Kaggle's list of classes: WordNet id -> its synonyms, in file order.

    Raises:
        UsageError: missing or malformed; the message gives the file and the line.
    """
    synonyms: dict[str, list[str]] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"expected WordNet ids and class names at {path}, but it cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        wnid, _, names = line.strip().partition(" ")
        parts = [name.strip() for name in names.split(",") if name.strip()]
        if not line.strip():
            continue
        if not (_WNID.fullmatch(wnid) and parts):
            raise UsageError(
                f"{path}, line {number}: expected a WordNet id and names, as in 'n01440764 tench, Tinca tinca', "
                f"found '{line.strip()[:60]}'"
            )
        if wnid in synonyms:
            raise UsageError(f"{path}, line {number}: expected each WordNet id once, found {wnid} again")
        synonyms[wnid] = parts
    if not synonyms:
        raise UsageError(f"{path}: expected one class per line, found none")
    return synonyms


def mapped_classes(synonyms: dict[str, list[str]]) -> list[ClassRow]:
    """Rows of ``classes``, numbered in file order, each named by its first synonym that no other class has.

    Where every synonym is shared, the WordNet id is added.

    Args:
        synonyms: WordNet id -> synonyms, from `read_synset_mapping`.
    """
    count = Counter(name for names in synonyms.values() for name in set(names))
    return [
        {
            "class_idx": ClassIdx(number),
            "name": next((name for name in names if count[name] == 1), f"{names[0]} ({wnid})"),
            "wnids": [wnid],
            "gloss": "",
        }
        for number, (wnid, names) in enumerate(synonyms.items())
    ]
