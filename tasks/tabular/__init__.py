"""Tables that people bring: CSV, TSV, JSON lines, JSON and Parquet as rows of named cells, with their line numbers."""

from reground.tasks.tabular.columns import Columns, parse_columns
from reground.tasks.tabular.formats import SUFFIXES, parse_cell, unit
from reground.tasks.tabular.reader import read_column_names, read_table, read_text_table, to_text

__all__ = [
    "read_table",
    "read_text_table",
    "read_column_names",
    "parse_columns",
    "Columns",
    "to_text",
    "parse_cell",
    "SUFFIXES",
    "unit",
]
