"""A table on the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from rich.cells import cell_len

from reground.flows.cli.main import main
from reground.tasks.workspace import Workspace
from tests.support.tables import candidate, class_row, image, put


@pytest.fixture
def workspace(tmp_path: Path) -> str:
    here = Workspace(tmp_path)
    put(here, "classes", [class_row(number) for number in range(30)])
    put(here, "images", [image("a", 0, boxes=[(1, 2, 3, 4)])])
    put(here, "candidates", [candidate("a", 0, ["original", "m:1"])])
    return here.url


def test_the_head_of_a_table_and_how_many_rows_there_are(workspace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", "classes", "-w", workspace]) == 0
    shown = capsys.readouterr()
    header, first, *rest = shown.out.splitlines()
    assert header.split() == ["class_idx", "name", "wnids", "gloss"]
    assert first.split()[:4] == ["0", "class", "0", "n00000000"]
    assert len(rest) == 19 and "20 of 30 rows" in shown.err


@pytest.mark.parametrize(("limit", "rows"), [("3", 3), ("0", 30), ("99", 30)])
def test_limit(limit: str, rows: int, workspace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", "classes", "-w", workspace, "--limit", limit]) == 0
    assert len(capsys.readouterr().out.splitlines()) == rows + 1


def test_lists_and_boxes_are_readable(workspace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", "candidates", "-w", workspace]) == 0
    assert "original,m:1" in capsys.readouterr().out
    assert main(["table", "images", "-w", workspace]) == 0
    assert '{"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4}' in capsys.readouterr().out


def test_json_holds_every_row_unless_limited(workspace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", "classes", "-w", workspace, "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["rows"] == 30 and len(whole["data"]) == 30 and whole["data"][0]["wnids"] == ["n00000000"]
    assert main(["table", "classes", "-w", workspace, "--json", "--limit", "2"]) == 0
    head = json.loads(capsys.readouterr().out)
    assert head["rows"] == 30 and [row["class_idx"] for row in head["data"]] == [0, 1]


def test_columns_that_do_not_fit_a_terminal_are_named(
    workspace: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "22")
    assert main(["table", "classes", "-w", workspace, "--limit", "2"]) == 0
    shown = capsys.readouterr()
    assert all(len(line) <= 22 for line in shown.out.splitlines())
    assert "columns that do not fit: wnids, gloss" in shown.err


def test_names_are_shown_and_not_obeyed(workspace: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = "red\x1b[31m\n\u202eknurd\u200b"
    put(Workspace(workspace), "classes", [class_row(number, name) for number in range(2)])
    assert main(["table", "classes", "-w", workspace]) == 0
    _, first, second = capsys.readouterr().out.splitlines()
    assert "red\\u001b[31m\\u000a\\u202eknurd\\u200b" in first and "red" in second


def test_a_long_name_wraps_on_a_terminal_and_not_in_a_pipe(
    workspace: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name, wide = "x" * 70 + "END", "犬" * 30
    put(Workspace(workspace), "classes", [class_row(0, name), class_row(1, wide), class_row(2, "short")])
    assert main(["table", "classes", "-w", workspace]) == 0
    assert name in capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["table", "classes", "-w", workspace]) == 0
    _, first, rest, *others = capsys.readouterr().out.splitlines()
    assert first.split()[1] == "x" * 40 and rest.strip() == "x" * 30 + "END"
    assert others[0].count("犬") == 20 and others[1].count("犬") == 10 and others[2].split()[1] == "short"
    assert max(map(cell_len, [first, rest, *others])) <= 80
    put(Workspace(workspace), "classes", [class_row(0, "y" * 1000)])
    assert main(["table", "classes", "-w", workspace]) == 0
    shown = capsys.readouterr().out
    assert shown.count("y") == 159 and shown.rstrip().endswith("…")


def test_formulas_are_escaped_where_asked(workspace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {0: "=HYPERLINK(1)", 1: "-1+1", 2: "tench", 3: "a\nb"}
    put(Workspace(workspace), "classes", [class_row(number, name) for number, name in names.items()])
    to = ["table", "classes", "-w", workspace, "--to", str(tmp_path / "classes.csv")]
    assert main(to) == 0
    assert list(pd.read_csv(tmp_path / "classes.csv")["name"]) == list(names.values())
    assert main([*to, "--escape-formulas"]) == 0
    written = pd.read_csv(tmp_path / "classes.csv")
    assert list(written["name"]) == ["'=HYPERLINK(1)", "'-1+1", "tench", "a\\u000ab"]
    assert list(written["class_idx"]) == list(names)
    assert main(["table", "classes", "-w", workspace, "--escape-formulas"]) == 2
    assert main([*to[:-1], str(tmp_path / "classes.parquet"), "--escape-formulas"]) == 2
    assert "escape formulas in, got" in capsys.readouterr().err
