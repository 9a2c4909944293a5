"""Tokens are trimmed, and none is ever printed."""

from __future__ import annotations

import pytest

from reground.annotations.label_studio.token import parse_token
from reground.tasks.errors import UsageError
from reground.tasks.redaction import redact

LEGACY = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"
PERSONAL = "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.Wg-_1"


@pytest.mark.parametrize("token", [LEGACY, PERSONAL])
@pytest.mark.parametrize(
    "around", ["{}", "{}\r\n", "\ufeff{}\n", " \t{}\u00a0", '"{}"', "'{}'\r\n", "Token {}", "Bearer {}\n"]
)
def test_what_was_copied_along_is_trimmed(token: str, around: str) -> None:
    assert parse_token(around.format(token)) == token


@pytest.mark.parametrize("nothing", ["", " \r\n", '""', "\ufeff"])
def test_white_space_is_no_token(nothing: str) -> None:
    assert parse_token(nothing) == ""


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f"\u201c{LEGACY}\u201d", r"U\+201C \(LEFT DOUBLE QUOTATION MARK\) as character 1 of 42"),
        (f"{LEGACY[:20]}\n{LEGACY[20:]}", r"U\+000A \(a control character\) as character 21 of 41"),
        (f"{LEGACY[:3]} {LEGACY[3:]}", r"U\+0020 \(SPACE\) as character 4"),
        (f"{LEGACY[:-1]}\u0441", r"U\+0441 \(CYRILLIC SMALL LETTER ES\) as character 40"),
    ],
)
def test_a_character_of_no_token_is_named_and_the_token_is_not(text: str, named: str) -> None:
    with pytest.raises(UsageError, match=rf"REGROUND_LABEL_STUDIO_TOKEN.*letters, digits.*{named}") as raised:
        parse_token(text)
    assert LEGACY[:12] not in str(raised.value)


def test_a_parsed_token_is_masked_from_then_on() -> None:
    token = parse_token(f" {LEGACY[::-1]}\n")
    assert redact(f"Illegal header value b'Token {token}\\n'") == "Illegal header value b'Token ***\\n'"
