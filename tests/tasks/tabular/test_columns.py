"""The columns of a command line."""

from __future__ import annotations

import pytest

from reground.tasks.errors import UsageError
from reground.tasks.tabular import parse_columns

NAMES = ("image_id", "label", "annotator")


def test_columns_of_a_command_line() -> None:
    assert parse_columns("", NAMES) == {}
    assert parse_columns("image_id=Input.url, label=Answer.a,b", NAMES) == {
        "image_id": "Input.url",
        "label": "Answer.a,b",  # only what has an equals sign begins another entry
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image_id", "expected columns as NAME=COLUMN,..., with NAME of image_id, label, annotator, got 'image_id'"),
        ("image_id=", "expected columns as NAME=COLUMN"),
        ("imageid=x", "unknown column to name 'imageid': did you mean 'image_id'"),
        ("label=x,label=y", "expected one column for label, got 'x' and 'y'"),
    ],
)
def test_malformed_columns(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_columns(text, NAMES)
