"""Every command as data."""

from __future__ import annotations

import pytest

from reground.flows.cli.reference import Option, reference


def option(words: str, name: str) -> Option:
    options = {one.words: (*one.arguments, *one.options) for one in reference().commands}[words]
    return next(one for one in options if name in one.names)


def test_any_number_of_arguments_has_no_default() -> None:
    assert option("review invite", "EMAILS").default == ""


def test_a_switch_takes_no_value() -> None:
    assert option("truth", "--count-excluded").value == ""


def test_an_empty_value_is_no_choice() -> None:
    assert "" not in option("review push", "--selection").choices


@pytest.mark.parametrize("start", ("Of ", "That ", "With ", "of ", "that ", "with "))
def test_help_reads_without_the_name_beside_it(start: str) -> None:
    helps = [one.help for command in reference().commands for one in (*command.arguments, *command.options)]
    assert not [text for text in helps if text.startswith(start)]
