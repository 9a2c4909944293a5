"""A table's plan: its columns, their types, units and meaning, and the key of a row."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column: ``type`` is a name in `reground.tasks.schema.arrow.ARROW_TYPES`."""

    name: str
    type: str
    meaning: str
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """One table (or family of tables): its key columns identify a row.

    Attributes:
        counts: columns of few values; the manifest lists how many rows of a file have which, so that nobody opens it
            to count them.
    """

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    counts: tuple[str, ...] = ()

    def names(self) -> list[str]:
        return [column.name for column in self.columns]


IMAGE_ID = Column("image_id", "string", "key of the image")
CLASS_IDX = Column("class_idx", "int32", "index into classes")
