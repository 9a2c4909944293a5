"""Rows as Arrow: the one place where the plan's type names become Arrow types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from reground.tasks.schema import tables as schema

_BOX = pa.struct([(corner, pa.int32()) for corner in ("xmin", "ymin", "xmax", "ymax")])

ARROW_TYPES: dict[str, pa.DataType] = {
    **{name: pa.type_for_alias(name) for name in ("string", "binary", "bool", "int16", "int32", "int64")},
    "float32": pa.float32(),
    "float64": pa.float64(),
    "list<string>": pa.list_(pa.string()),
    "list<int32>": pa.list_(pa.int32()),
    "list<list<int32>>": pa.list_(pa.list_(pa.int32())),
    "list<float16>": pa.list_(pa.float16()),
    "list<float32>": pa.list_(pa.float32()),
    "box": _BOX,
    "list<box>": pa.list_(_BOX),
    "image": pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
}

Row = Mapping[str, Any]
"""A row of any table, from column to value; a table's own type of row says more."""
Rows = Sequence[Row] | pa.Table
"""Rows of a table: mappings from column to value, or Arrow's own where they are many."""


def arrow_schema(name: str) -> pa.Schema:
    """The Arrow schema of the table ``name``."""
    return pa.schema([pa.field(c.name, ARROW_TYPES[c.type], nullable=c.nullable) for c in schema.table(name).columns])


def to_arrow(name: str, rows: Rows) -> pa.Table:
    """Rows as the table ``name``: every column of the plan, and no other.

    Raises:
        ValueError: a row lacks a column, has an unknown one, or a null where none may be.
    """
    expected = schema.table(name).names()
    made = _from_rows(name, expected, rows) if isinstance(rows, Sequence) else _from_table(name, expected, rows)
    for column in schema.table(name).columns:
        if not column.nullable and made[column.name].null_count:
            raise ValueError(f"table {name}: column {column.name} has nulls and may have none")
    return made


def _from_rows(name: str, expected: Sequence[str], rows: Sequence[Row]) -> pa.Table:
    columns = set(expected)
    for row in rows:
        if row.keys() != columns:
            raise ValueError(f"table {name}: expected the columns {expected}, got {sorted(row)}")
    return pa.Table.from_pylist(rows, schema=arrow_schema(name))


def _from_table(name: str, expected: Sequence[str], rows: pa.Table) -> pa.Table:
    if set(rows.column_names) != set(expected):
        raise ValueError(f"table {name}: expected the columns {expected}, got {sorted(rows.column_names)}")
    return rows.select(expected).cast(arrow_schema(name))


def concat_parts(table: str, columns: Sequence[str], parts: Iterable[pa.Table]) -> pa.Table:
    """Some columns of the parts of a table, one below the other; without parts the columns alone."""
    whole = arrow_schema_subset(table, columns)
    return pa.concat_tables([whole.empty_table(), *(part.select(list(columns)).cast(whole) for part in parts)])


def arrow_schema_subset(table: str, names: Sequence[str]) -> pa.Schema:
    """The Arrow schema of some columns of a table, in the order asked for."""
    whole = arrow_schema(table)
    return pa.schema([whole.field(name) for name in names])
