"""Columns of a table: which of a file's columns are read, and under what name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reground.tasks.errors import UsageError, unknown

_PANDAS_INDEX: Final = re.compile(r"Unnamed: \d+(\.\d+)?|__index_level_\d+__")
"""Names that pandas gives to the index it writes along."""


@dataclass(frozen=True)
class Columns:
    """The columns that a reader asks for.

    Attributes:
        required: names that must be there.
        optional: further names that may be there; None: any.
        sources: name -> the file's column with it, where that is another. With any, the file's other columns are
            ignored; without, a column that is not asked for is an error.
    """

    required: Sequence[str]
    optional: Sequence[str] | None = ()
    sources: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        names = (*self.required, *(self.optional or ()))
        for name in self.sources:
            if self.optional is not None and name not in names:
                raise unknown("column to name", name, names)

    def positions(self, location: str, names: Sequence[str]) -> dict[str, int]:
        """Name -> position of each column to read among a file's columns.

        Args:
            location: of the columns, for the message.
            names: of the file's columns.

        Raises:
            UsageError: a column is missing, occurs twice or, without `sources`, is not asked for.
        """
        present = {name: position for position, name in enumerate(names) if not _is_index(name, position)}
        self._check(location, names, present)
        listed = (*self.required, *(self.optional if self.optional is not None else present))
        selected = {name: self.sources.get(name, name) for name in dict.fromkeys(listed)}
        return {name: present[source] for name, source in selected.items() if source in present}

    def _check(self, location: str, names: Sequence[str], present: Mapping[str, int]) -> None:
        for name, source in self.sources.items():
            if source not in present:
                raise unknown(f"column for {name} (in {location})", source, present)
        missing = [name for name in self.required if self.sources.get(name, name) not in present]
        if missing:
            raise UsageError(
                f"{location}: expected the column(s) {', '.join(self.required)}, found: "
                f"{', '.join(names) or 'nothing'}. Missing: {', '.join(missing)}."
            )
        repeated = [name for name, count in Counter(names).items() if count > 1 and name in present]
        if repeated:
            raise UsageError(f"{location}: expected every column once, found: {', '.join(names)}")
        if self.optional is not None and not self.sources:
            for name in present:
                if name not in (*self.required, *self.optional):
                    raise unknown(f"column (in {location})", name, (*self.required, *self.optional))


def parse_columns(text: str, valid: Collection[str]) -> dict[str, str]:
    """Parse ``image_id=Input.image_url,label=Answer.label``: the name of a column -> the file's column.

    A comma separates only where a name and an equals sign follow, so that a file's column may hold one.

    Raises:
        UsageError: an entry has no equals sign, or its name is not valid or occurs twice.

    Examples:
        >>> parse_columns("image_id=INPUT:image,label=OUTPUT:result", ["image_id", "label"])
        {'image_id': 'INPUT:image', 'label': 'OUTPUT:result'}
    """
    sources: dict[str, str] = {}
    for entry in re.split(r",\s*(?=\w+=)", text.strip()) if text.strip() else ():
        name, equals, source = (part.strip() for part in entry.partition("="))
        if not (equals and source):
            raise UsageError(f"expected columns as NAME=COLUMN,..., with NAME of {', '.join(valid)}, got '{entry}'")
        if name not in valid:
            raise unknown("column to name", name, valid)
        if name in sources:
            raise UsageError(f"expected one column for {name}, got '{sources[name]}' and '{source}'")
        sources[name] = source
    return sources


def _is_index(name: str, position: int) -> bool:
    """Whether pandas wrote the index there; its name is empty in a CSV."""
    return bool(_PANDAS_INDEX.fullmatch(name)) or (not name and position == 0)
