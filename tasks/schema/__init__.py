"""Every table, its columns, types, units and keys."""

from reground.tasks.schema.arrow import ARROW_TYPES, Rows, arrow_schema, arrow_schema_subset, to_arrow
from reground.tasks.schema.column import Column, Table
from reground.tasks.schema.tables import (
    OUTSIDE,
    PARITY,
    PHOTOGRAPHS,
    SETTLED,
    TABLES,
    VARIANTS,
    AnnotatorId,
    ClassIdx,
    DropReason,
    ImageId,
    family,
    table,
)

__all__ = [
    "ARROW_TYPES",
    "OUTSIDE",
    "PARITY",
    "PHOTOGRAPHS",
    "SETTLED",
    "TABLES",
    "VARIANTS",
    "AnnotatorId",
    "ClassIdx",
    "Column",
    "DropReason",
    "ImageId",
    "Rows",
    "Table",
    "arrow_schema",
    "arrow_schema_subset",
    "family",
    "table",
    "to_arrow",
]
