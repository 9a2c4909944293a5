"""Every command's help: its examples can be given as they stand, and each setting is an option."""

from __future__ import annotations

import shlex

import pytest
from cyclopts.exceptions import UnknownOptionError

from reground.flows import steps
from reground.flows.cli import Command, parse, reference
from reground.flows.settings import Settings, fields

REFERENCE = reference()
COMMANDS = {command.words: command for command in REFERENCE.commands}
EXAMPLES = sorted({example for command in REFERENCE.commands for example in command.examples})
WIDTH = 78


def words_of(example: str) -> list[str]:
    """Of a command line, without the shell's part: `source <(...)`, `| grep` and a comment."""
    return shlex.split(example.removeprefix("source <(").replace(")  ", "  ").partition(" | ")[0], comments=True)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_command_has_a_summary_and_an_example_of_itself(command: Command) -> None:
    assert command.summary.endswith(".")
    assert any(
        example.removeprefix("source <(").startswith(f"reground {command.words}") for example in command.examples
    )


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_can_be_given_as_it_stands(example: str) -> None:
    program, *words = words_of(example)
    assert program == "reground" and len(example) <= WIDTH
    parse(words)


def test_a_wrong_example_is_refused() -> None:
    with pytest.raises(UnknownOptionError):
        parse(words_of("reground masks -w W --nonsense 3    # no such option")[1:])


def test_every_setting_is_an_option_of_its_command() -> None:
    heads = {"imagenet9": ["imagenet9 import"], "review": [words for words in COMMANDS if words.startswith("review ")]}
    count = 0
    for field in fields(Settings):
        step, dot, name = field.name.partition(".")
        if not dot:
            continue
        flag = "--" + name.replace(".", "-").replace("_", "-")
        commands = [COMMANDS[words] for words in heads.get(step, [step])]
        options = [option for command in commands for option in (*command.options, *command.arguments)]
        matches = [option for option in options if flag in option.names or name.upper() in option.names]
        assert matches, f"no option for {field.name}"
        choices = tuple(choice for choice in field.choices if choice)  # an empty one is the default, and no word
        assert all(option.choices == choices for option in matches)
        count += 1
    assert count > 50


def test_run_takes_the_settings_of_all_its_steps() -> None:
    options = [option for option in COMMANDS["run"].options if option.group]
    assert {option.group for option in options} == {
        f"Settings of {step}" for step in steps.RUN if fields(steps.find(step).settings)
    }
    names = [name for option in options for name in option.names]
    assert len(names) == len(set(names))
    assert {"--boxes", "--masks-seed", "--variants-seed", "--keep"} <= set(names) and "--seed" not in names


def test_options_of_every_command() -> None:
    assert [option.names for option in REFERENCE.options] == [("--json",), ("--quiet", "-q"), ("--verbose", "-v")]
