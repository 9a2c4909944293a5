"""What an import says of the rows that it leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.tasks.errors import UsageError
from reground.tasks.imports import check_rows_left, log_drops
from reground.tasks.schema import DropReason, dropped_row

PATH = Path("votes.csv")
DROPPED = [
    dropped_row("votes-import", "line 2", DropReason.IMAGE_UNKNOWN, "no image b"),
    dropped_row("votes-import", "line 3", DropReason.LABEL_UNKNOWN, "no class x"),
    dropped_row("votes-import", "line 4", DropReason.IMAGE_UNKNOWN, "no image c"),
]
SUMMARY = "2 image_unknown (first: line 2: no image b); 1 label_unknown (first: line 3: no class x)"


def test_an_import_of_nothing_is_refused_with_the_first_of_each_reason() -> None:
    with pytest.raises(UsageError) as error:
        check_rows_left(PATH, "one answer a line", 0, DROPPED)
    assert str(error.value).endswith(f"none of the 3 can be used: {SUMMARY}")
    with pytest.raises(UsageError, match="but found none"):
        check_rows_left(PATH, "one answer a line", 0, [])
    check_rows_left(PATH, "one answer a line", 1, DROPPED)


def test_rows_left_out_are_told(caplog: pytest.LogCaptureFixture) -> None:
    log_drops(PATH, [])
    assert not caplog.messages
    log_drops(PATH, DROPPED)
    assert caplog.messages == [f"votes.csv: left out {SUMMARY} (table 'dropped')"]
