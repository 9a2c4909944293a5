"""Paths and counts in a manifest from somebody else."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from reground.tasks.workspace.entry_rows import check_counts, check_paths, to_rows
from reground.tasks.workspace.manifest import Entry, Part


def rows_of(*paths: str) -> pa.Table:
    return pa.table({"parts": [[{"path": path} for path in paths]]})


@pytest.mark.parametrize(
    "path", ["tables/index/a-1.parquet", "files/report/report.html", "tables/masks/0010.parquet", "files/x/é è.png"]
)
def test_a_path_of_ours_is_accepted(path: str) -> None:
    check_paths(rows_of(path))


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "tables/../../secret",
        "tables/./x",
        "settings.json",
        "tables",
        "tables//x",
        "files/a\\b",
        "files/a\x00b",
        "files/\u202egnp.exe",
        "files/a\u2066b",
    ],
)
def test_a_path_that_leaves_the_workspace_or_hides_its_name_is_refused(path: str) -> None:
    with pytest.raises(ValueError):
        check_paths(rows_of("tables/index/a-1.parquet", path))


def test_counts_by_another_number_of_columns_are_refused() -> None:
    part = Part("tables/dropped/a.parquet", 1, 1, "0" * 32, ((("index", "unreadable"), 1),))
    check_counts(to_rows([Entry("index", "a", "k", {"dropped": part}, {})]))
    with pytest.raises(ValueError, match="counted by 1 columns"):
        check_counts(to_rows([Entry("index", "a", "k", {"dropped": replace(part, counts=((("x",), 1),))}, {})]))
