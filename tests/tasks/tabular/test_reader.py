"""Tables that people bring: each format gives the same rows, and a damaged file is one clear error."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from reground.tasks.errors import UsageError
from reground.tasks.tabular import formats, read_table, read_text_table

FRAME = pd.DataFrame(
    {
        "image_id": ["a", "b, c", "d\ne"],
        "label": [3.0, None, 7.0],
        "seconds": [0.25, 12.5, None],
        "valid": [True, False, True],
    }
)
TEXT = [
    {"image_id": "a", "label": "3", "seconds": "0.25", "valid": "yes", "note": ""},
    {"image_id": "b, c", "label": "", "seconds": "12.5", "valid": "no", "note": ""},
    {"image_id": "d\ne", "label": "7", "seconds": "", "valid": "yes", "note": ""},
]
WRITE: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    ".txt": lambda frame, path: frame.to_csv(path, index=False, sep=";"),
    ".jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
    ".json": lambda frame, path: frame.to_json(path, orient="records"),
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False),
}


@pytest.mark.parametrize("suffix", WRITE)
def test_every_format_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t{suffix}"
    WRITE[suffix](FRAME, path)
    rows = list(read_text_table(path, ("image_id", "label"), ("seconds", "valid", "note")))
    typed = suffix in (".jsonl", ".json", ".parquet")
    expected = [cells if typed else {**cells, **_as_csv(cells)} for cells in TEXT]
    assert [cells for _, cells in rows] == expected
    numbers = [1, 2, 3] if typed else [2, 3, 5]  # a CSV has a header, and its last row a line break in a cell
    assert [number for number, _ in rows] == numbers


def _as_csv(cells: dict[str, str]) -> dict[str, str]:
    """A CSV has no types: pandas writes 3 as 3.0 and truth as True."""
    label = f"{cells['label']}.0" if cells["label"] else ""
    return {"label": label, "valid": {"yes": "True", "no": "False"}[cells["valid"]]}


def test_cells_keep_the_type_that_the_file_gives_them(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(
        '{"image_id": " a ", "class_idx": [3, 7], "probability": null}\n\n{"image_id": 5, "class_idx": 3}\n'
    )
    assert list(read_table(path, ("image_id", "class_idx"), ("probability",))) == [
        (1, {"image_id": "a", "class_idx": [3, 7], "probability": None}),
        (3, {"image_id": 5, "class_idx": 3, "probability": None}),
    ]
    frame = pd.DataFrame({"image_id": ["a"], "at": [datetime(2026, 1, 31, 12)], "labels": [[3, 7]]})
    frame.to_parquet(tmp_path / "t.parquet")
    (_, cells), *_ = read_text_table(tmp_path / "t.parquet", ("image_id", "at", "labels"))
    assert cells == {"image_id": "a", "at": "2026-01-31T12:00:00", "labels": "[3, 7]"}


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_the_index_of_pandas_is_no_column(tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame({"image_id": ["a"], "label": ["cat"]}, index=[41])
    path, again = tmp_path / f"t{suffix}", tmp_path / f"again{suffix}"
    if suffix == ".parquet":
        frame.to_parquet(path)
        pd.concat([frame, frame]).to_parquet(again)
    else:
        separator = "\t" if suffix == ".tsv" else ","
        frame.to_csv(path, sep=separator)
        pd.read_csv(path, sep=separator).to_csv(again, sep=separator)
    for file in (path, again):
        _, cells = next(read_text_table(file, ("image_id", "label")))
        assert cells == {"image_id": "a", "label": "cat"}


def test_columns_are_named_as_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "batch.csv"
    path.write_text('HITId,WorkerId,Input.image_url,"Answer.label"\nH1,W1,a.jpg,cat\n')
    columns = {"image_id": "Input.image_url", "label": "Answer.label", "annotator": "WorkerId"}
    rows = list(read_text_table(path, ("image_id", "label", "annotator"), ("answer",), columns))
    assert rows == [(2, {"image_id": "a.jpg", "label": "cat", "annotator": "W1", "answer": ""})]
    with pytest.raises(UsageError, match=r"unknown column for label \(in .*line 1\) 'Answer.labl': did you mean"):
        list(read_text_table(path, ("image_id", "label"), (), {"image_id": "Input.image_url", "label": "Answer.labl"}))
    with pytest.raises(UsageError, match="unknown column to name 'lable': did you mean 'label'"):
        list(read_text_table(path, ("image_id", "label"), (), {"lable": "Answer.label"}))


FAULTS = {
    "t.csv": (b"", r"line 1: expected the column\(s\) image_id, label, found: nothing"),
    "u.csv": (b"image_id,lable\n", r"Missing: label"),
    "v.csv": (b"image_id,label,image_id\n", "expected every column once"),
    "w.csv": (b"image_id,label,annotatr\n", "unknown column .* 'annotatr': did you mean 'annotator'"),
    "x.csv": (b"image_id,label\na,b,c\n", "line 2: expected 2 cells .* found 3"),
    "y.csv": (b'image_id,label\na,"b\n', "expected a CSV in UTF-8"),
    "z.csv": (b"\xff\xfei\x00", "expected a CSV in UTF-8"),
    "nul.csv": (b"image_id,label\na\0,b\n", "found a line with NUL"),
    "long.csv": (b"image_id,label\na," + b"b" * 5000, "lines of at most 1,000 characters"),
    "t.jsonl": (b'{"image_id": "a", "label": 1}\n{"image_id": "a"}', r"line 2: expected the column\(s\)"),
    "u.jsonl": (b"[1]", "line 1: expected an object"),
    "v.jsonl": (b'{"image_id": "a", "label": 1, "label": 2}', "line 1: .* a key occurs twice"),
    "w.jsonl": (b'{"image_id": "\\ud800", "label": 1}', "line 1: expected JSON"),
    "x.jsonl": (b"[" * 900, "line 1: expected JSON"),
    "t.json": (b'{"image_id": {"0": "a"}}', "expected a list of objects, one a row .* found dict"),
    "u.json": (b'[{"image_id": "a", "label": 1}, 3]', "row 2: expected an object"),
    "v.json": (b"[" + b" " * 2000 + b"]", "over 1,000 bytes, the limit"),
    "t.parquet": (b"PAR1", "expected a Parquet file"),
    "t.xlsx": (b"PK", r"unknown suffix of a table \(of t.xlsx\) '.xlsx': .*\.csv, .*\.parquet"),
    "gone/t.csv": (None, "cannot be read"),
    "gone/t.json": (None, "cannot be read"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MAX_LINE", 1000)
    monkeypatch.setattr(formats, "MAX_DOCUMENT", 1000)
    content, message = FAULTS[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message):
        list(read_table(tmp_path / name, ("image_id", "label"), ("annotator",)))


def test_json_nested_a_million_deep_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text("[" * 1_000_000)
    (tmp_path / "u.json").write_text(json.dumps([{"image_id": "a", "label": 1}])[:-2] + ', "x": ' + '{"a":' * 1_000_000)
    for name in ("t.json", "u.json"):
        with pytest.raises(UsageError, match="expected JSON"):
            list(read_table(tmp_path / name, ("image_id", "label")))
