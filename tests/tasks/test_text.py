"""Text of files is shown, not obeyed: on a line, in Markdown, in a cell."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.text import markdown, spreadsheet_cell, visible, visible_lines

OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
ANY_TEXT = st.text(st.characters(codec=None, categories=None))
HOSTILE = st.text(
    st.sampled_from(
        "\x00\x07\x08\t\n\r\x1b\x7f\x85\x9b\u00ad\u061c\u200b\u200d\u200e\u202e\u2028\u2066\ufeff=+-@#_*`[]<>|&;:/.1a "
    )
)


def obeyed(text: str) -> set[str]:
    return {character for character in text if unicodedata.category(character) in OBEYED}


@given(ANY_TEXT | HOSTILE)
def test_no_text_is_obeyed(text: str) -> None:
    for border in (visible, markdown, spreadsheet_cell):
        assert obeyed(border(text)) == set()
    assert obeyed(visible_lines(text)) <= {"\n", "\t"}
    assert visible(visible(text)) == visible(text)
    assert visible_lines(text).count("\n") == text.count("\n")


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_ordinary_text_is_left_alone(text: str) -> None:
    blanks = set("\u115f\u1160\u2800\u3164\uffa0")
    if not blanks & set(text):
        assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "\\u001b]0;title\\u0007"),
        ("photo\u202egnp.exe", "photo\\u202egnp.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("caf\udce9", "caf\\udce9"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("\u3164", "\\u3164"),
        ("perro, 犬, كلب", "perro, 犬, كلب"),
    ],
)
def test_characters_are_shown_as_code_points(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\n@", " =", "\uff1d", "\x00="])
def test_no_cell_begins_a_formula(start: str) -> None:
    cell = spreadsheet_cell(f"{start}HYPERLINK(1)")
    assert cell[0] in "'\\" and cell.endswith("HYPERLINK(1)")


def test_a_cell_with_a_formula_inside_stays() -> None:
    assert spreadsheet_cell("a=1") == "a=1" and spreadsheet_cell("") == ""
