"""Parquet from elsewhere: rows as pandas would read them, and files that stand for more than they hold."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reground.tasks.files import ContentError, open_parquet, parquet_child

TABLE = pa.table(
    {
        "text": ["a", None, "\u00e9", "a"],
        "number": [1, None, -(2**62), 3],
        "share": [0.5, None, float("inf"), 1.0],
        "flag": [True, None, False, True],
        "labels": [["a", "b"], None, [], [None, "a"]],
        "numbers": [[1, 2], None, [], [3, None]],
        "raw": [b"\xff", None, b"", b"a"],
        "pairs": [[[1], []], None, [], [[2, 3]]],
    }
)


def rows(path: Path) -> list[tuple[Any, ...]]:
    with open_parquet(path) as table:
        return list(table.rows())


@pytest.mark.parametrize("use_dictionary", [True, False])
def test_cells_come_as_they_are(tmp_path: Path, use_dictionary: bool) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(TABLE, path, use_dictionary=use_dictionary, row_group_size=2)
    assert rows(path) == [tuple(row.values()) for row in TABLE.to_pylist()]
    pq.write_table(TABLE.slice(0, 0), path)
    assert rows(path) == []


def test_rows_share_a_text_that_the_file_has_once(tmp_path: Path) -> None:
    """A gigabyte, if each row had its own."""
    path = tmp_path / "a.parquet"
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(10_000, np.int8)), pa.array(["a" * 100_000]))
    pq.write_table(pa.table({"text": texts}), path)
    assert path.stat().st_size < 200_000
    cells = [cell for (cell,) in rows(path)]
    assert len(cells) == 10_000 and len({id(cell) for cell in cells}) == 1


def test_texts_of_megabytes_in_lists_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(10, np.int8)), pa.array(["a" * 1_000_001]))
    pq.write_table(pa.table({"texts": pa.ListArray.from_arrays(np.arange(11, dtype=np.int32), texts)}), path)
    with pytest.raises(ContentError, match="a text of 1,000,001 bytes"):
        rows(path)


@pytest.mark.parametrize(
    ("name", "limit", "complaint"),
    [
        ("MAX_COLUMNS", 7, "8 columns, over the limit of 7"),
        ("MAX_TEXT_BYTES", 1, "a text of 2 bytes, over the limit of 1"),
    ],
)
def test_limits(tmp_path: Path, name: str, limit: int, complaint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet")
    monkeypatch.setattr(parquet_child, name, limit)
    with pytest.raises(ContentError, match=complaint):
        parquet_child.write_stream(str(tmp_path / "a.parquet"), pa.BufferOutputStream(), 50)


def test_a_column_has_a_limit_of_values_that_the_reader_sets(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"vector": [[1.0, 2.0], [3.0, 4.0]]}), path)
    with open_parquet(path, max_values=4) as table:
        assert [batch["vector"].to_pylist() for batch in table.batches()] == [[[1.0, 2.0], [3.0, 4.0]]]
    with pytest.raises(ContentError, match="over 3 values"), open_parquet(path, max_values=3):
        pass


@pytest.mark.parametrize(
    ("limits", "code", "status"),
    [("8_000_000_000, 1", "while True: pass", -signal.SIGXCPU), ("4_000_000_000, 60", "bytearray(4_000_000_000)", 1)],
)
def test_a_process_has_limits(limits: str, code: str, status: int) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux limits the address space")
    code = f"from {parquet_child.__name__} import limit_process\nlimit_process({limits})\n{code}"
    assert subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL).returncode == status


def test_a_reader_that_a_signal_ends_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": np.arange(10_000_000)}), path)
    with open_parquet(path) as table, pytest.raises(ContentError, match="ended with SIGABRT"):
        table._process.send_signal(signal.SIGABRT)
        list(table.rows())


def test_text_that_is_not_utf_8_and_what_is_no_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": pa.array([b"\xff\xfe"]).view(pa.string())}), path)
    with pytest.raises(ContentError, match="utf-8"):
        rows(path)
    for content in (b"", b"PAR1", b"PAR1" * 100):
        path.write_bytes(content)
        with pytest.raises(ContentError):
            rows(path)
    with pytest.raises(FileNotFoundError):
        rows(tmp_path / "none.parquet")
