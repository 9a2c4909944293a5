"""The words of a command among its options."""

from __future__ import annotations

import pytest

from reground.flows.cli.app import build
from reground.flows.cli.words import commands_first
from reground.tasks.errors import UsageError


@pytest.mark.parametrize(
    ("words", "ordered"),
    [
        ("truth diff 1 2 -w W", "truth diff 1 2 -w W"),
        ("-w W truth diff 1 2", "truth diff -w W 1 2"),
        ("truth -w W diff 1 2", "truth diff -w W 1 2"),
        ("--json truth -w masks versions", "truth versions --json -w masks"),
        ("-w=W -q masks", "masks -w=W -q"),
        ("truth --method joint -w W", "truth --method joint -w W"),
        ("table -w W truth", "table -w W truth"),
        ("review invite -w W a@b c@d", "review invite -w W a@b c@d"),
        ("-w W", "-w W"),
        ("masks -w W -- truth", "masks -w W -- truth"),
    ],
)
def test_the_command_comes_first(words: str, ordered: str) -> None:
    assert " ".join(commands_first(build(), words.split())) == ordered


@pytest.mark.parametrize(("words", "near"), [("-w W mask", "masks"), ("truth -w W version", "versions")])
def test_an_unknown_command_is_refused_with_the_nearest(words: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"did you mean '{near}'"):
        commands_first(build(), words.split())
