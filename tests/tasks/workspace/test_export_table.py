"""A table as one file for other programs holds what the workspace holds."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from reground.tasks.schema import TABLES, arrow_schema
from reground.tasks.workspace import Workspace, write_table
from tests.support.tables import image, put

VALUES: dict[str, Any] = {
    "string": "a",
    "binary": b"a\0",
    "bool": True,
    "int16": 1,
    "int32": 2,
    "int64": 3,
    "float32": 0.5,
    "float64": 0.25,
    "list<string>": ["a", "b"],
    "list<int32>": [1, 2],
    "list<float16>": [0.5, -2.0],
    "list<float32>": [0.5, math.nan],
    "list<list<int32>>": [[1], [2, 3]],
    "box": {"xmin": 0, "ymin": 1, "xmax": 2, "ymax": 3},
    "list<box>": [{"xmin": 0, "ymin": 1, "xmax": 2, "ymax": 3}],
    "image": {"bytes": b"png", "path": None},
}


def _row(name: str, number: int) -> dict[str, Any]:
    """In the second row null where there may be one, in the third NaN where there may be none."""
    columns = TABLES[name].columns
    nulls = {c.name: None for c in columns if c.nullable and number == 1}
    nans = {c.name: math.nan for c in columns if c.type.startswith("float") and not c.nullable and number == 2}
    return {c.name: VALUES[c.type] for c in columns} | nulls | nans


@pytest.mark.parametrize("name", TABLES)
def test_parquet_holds_every_value_of_every_table(name: str, tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path / "w"))
    rows = [_row(name, number) for number in range(3)]
    put(workspace, name, rows)
    assert write_table(workspace, name, tmp_path / "table.parquet") == 3
    written = pq.read_table(tmp_path / "table.parquet")
    assert written.schema.equals(arrow_schema(name))
    assert sorted(map(repr, written.to_pylist())) == sorted(map(repr, rows))


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@pytest.mark.parametrize("name", TABLES)
def test_text_holds_every_table(name: str, suffix: str, tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path / "w"))
    put(workspace, name, [_row(name, number) for number in range(3)])
    assert write_table(workspace, name, tmp_path / f"table.{suffix}") == 3
    text = (tmp_path / f"table.{suffix}").read_text()
    pictures = [column.name for column in TABLES[name].columns if column.type in ("image", "binary")]
    assert "b'" not in text and not any(f'"{picture}"' in text for picture in pictures)


def test_text_leaves_pictures_out(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path / "w"))
    put(workspace, "images", [image("a", 1), image("b", 2)])
    write_table(workspace, "images", tmp_path / "images.csv")
    assert list(pd.read_csv(tmp_path / "images.csv")["image_id"]) == ["a", "b"]
