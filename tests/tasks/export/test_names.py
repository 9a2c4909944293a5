"""Names from files in exports: they open nothing in a data card, and a spreadsheet runs none where asked."""

from __future__ import annotations

import csv
import json
import unicodedata
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reground.flows.cli.main import main
from reground.tasks.export.data_card import bullets, front_matter
from reground.tasks.export.export import export
from reground.tasks.export.spreadsheet import escape_csv
from reground.tasks.workspace import Workspace
from tests.support.export_world import judged
from tests.support.tables import put

HOSTILE = "# Licence\n## Public domain\n<script>x</script>[a](http://x.y)![b](c) `d` *e* |g| \u202e\x1b[2J\n---\n- h"


def elements(card: str) -> list[str]:
    """The kinds of all elements of a card, as CommonMark with tables and links of the Web reads it."""
    reader = MarkdownIt("commonmark", {"linkify": False}).enable(["table", "strikethrough"])
    tokens = reader.parse(card)
    inline = [child.type for token in tokens for child in token.children or ()]
    return [*(token.type for token in tokens), *(kind for kind in inline if kind not in ("text", "softbreak"))]


def test_a_name_opens_no_section_of_a_data_card(tmp_path: Path) -> None:
    cards: dict[str, str] = {}
    for kind, name in {"plain": "name", "hostile": HOSTILE}.items():
        workspace = judged(tmp_path / kind, {"a": 0, "b": 1}, source=name)
        rows = workspace.read("images").to_dict("records") if workspace.parts("images") else []
        put(workspace, "images", [{**row, "split": name} for row in rows])
        put(workspace, "dropped", [{"stage": name, "item": name, "reason": name, "detail": name}])
        folder = export(workspace, "webdataset", tmp_path / f"{kind}-out").folder
        cards[kind] = (folder / "DATA_CARD.md").read_text(encoding="utf-8")
    assert elements(cards["hostile"]) == elements(cards["plain"])
    assert "split \\# Licence" in cards["hostile"] or "# Licence\\\\u000a" in cards["hostile"]
    assert {c for c in cards["hostile"] if unicodedata.category(c) in ("Cc", "Cf")} == {"\n"}
    yaml.safe_load(cards["hostile"].split("---\n", 2)[1])


@given(st.text(st.characters(codec=None, categories=None)) | st.text(st.sampled_from("#-+=*_`<>[]()!|~&;:1. \n\tab\\")))
def test_any_text_is_one_item_of_text(name: str) -> None:
    (item,) = bullets([name])
    kinds = elements(f"# Title\n\n{item}\n\n{LAST}")
    assert kinds == elements(f"# Title\n\n- name\n\n{LAST}") or not name.strip()


LAST = "last"


@given(st.text(), st.text())
def test_front_matter_is_yaml_whatever_the_names(name: str, split: str) -> None:
    text = front_matter(name, 3, [], {"configs": [{"split": split}]})
    assert text.startswith("---\n") and text.endswith("---\n\n")
    fields = yaml.safe_load(text[4:-5])
    assert isinstance(fields["pretty_name"], str) and len(fields["configs"]) == 1
    assert len(text.splitlines()) == len(fields) + 3


def test_formulas_are_escaped_where_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = judged(tmp_path, {"=cmd|' /C calc'!A0": 0, "+b": 1, "c": 0})
    command = ["export", "-w", workspace.url, "--format", "imagefolder"]
    assert main([*command, str(tmp_path / "as-it-is")]) == 0
    assert main([*command, str(tmp_path / "for-people"), "--escape-formulas"]) == 0
    capsys.readouterr()
    listings = sorted(path.name for path in (tmp_path / "as-it-is").rglob("*.csv"))
    assert listings == sorted(path.name for path in (tmp_path / "for-people").rglob("*.csv"))
    cells = {folder: [cell for name in listings for cell in cells_of(tmp_path / folder / name)] for folder in FOLDERS}
    assert "=cmd|' /C calc'!A0" in cells["as-it-is"] and "'=cmd|' /C calc'!A0" in cells["for-people"]
    assert not any(cell.startswith(("=", "+", "@")) for cell in cells["for-people"])
    assert len(cells["as-it-is"]) == len(cells["for-people"])


FOLDERS = ("as-it-is", "for-people")


def cells_of(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as handle:
        return [cell for row in csv.reader(handle) for cell in row]


@given(st.lists(st.lists(st.text() | st.floats().map(str), min_size=2, max_size=2)))
def test_numbers_stay_and_no_text_is_run(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)
    before = cells_of(path)
    escape_csv(path)
    after = cells_of(path)
    assert len(after) == len(before)
    for old, new in zip(before, after, strict=True):
        assert is_number(new) or not new.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert new == old or not is_number(old)


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_an_export_for_programs_keeps_every_key(tmp_path: Path) -> None:
    workspace = Workspace(judged(tmp_path, {"=a": 0, "b\u202ec": 1}).url)
    folder = export(workspace, "real", tmp_path / "out").folder
    assert set(json.loads((folder / "real.json").read_text(encoding="utf-8"))) == {"=a", "b\u202ec"}
