"""Every command as data: what the reference in the documentation, and tests, are made from."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from cyclopts import App, Group
from cyclopts.argument import Argument

from reground.flows.cli.app import COMMANDS, build
from reground.flows.cli.examples import example_lines


@dataclass(frozen=True)
class Option:
    """An option or a positional argument.

    Attributes:
        names: ``("--workspace", "-w")``; of a positional argument its name in capitals.
        group: title of the group it stands in; empty: the command's own.
        help: what it means.
        value: what stands for its value: ``N``, ``FILE``; empty: a flag, or a positional argument.
        default: its value where nobody gives it; empty: none.
        choices: the values there are; empty: the list is open.
        is_required: whether the command needs it.
    """

    names: tuple[str, ...]
    group: str
    help: str
    value: str
    default: str
    choices: tuple[str, ...]
    is_required: bool


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        words: after ``reground``: ``truth diff``.
        group: title of the group it stands in.
        summary: one sentence.
        arguments: positional, in order.
        options: without those of every command.
        examples: command lines; what follows ``#`` says what one is for.
        is_runnable: whether it is a command by itself, and not only the head of others.
    """

    words: str
    group: str
    summary: str
    arguments: tuple[Option, ...]
    options: tuple[Option, ...]
    examples: tuple[str, ...]
    is_runnable: bool


@dataclass(frozen=True)
class Reference:
    """The command line.

    Attributes:
        commands: in the order of the help.
        options: of every command.
    """

    commands: tuple[Command, ...]
    options: tuple[Option, ...]


def reference() -> Reference:
    """The whole command line; loads every command."""
    app = build()
    commands = [
        command for group, names in COMMANDS.items() for name in names for command in _commands(app[name], name, group)
    ]
    return Reference(tuple(commands), tuple(_options(app.meta)))


def _commands(app: App, words: str, group: str) -> Iterator[Command]:
    options = list(_options(app)) if app.default_command else []
    yield Command(
        words,
        group,
        app.help,
        tuple(option for option in options if not option.names[0].startswith("-")),
        tuple(option for option in options if option.names[0].startswith("-")),
        example_lines(app.help_epilogue),
        app.default_command is not None,
    )
    for name in app:
        if not name.startswith("-"):
            yield from _commands(app[name], f"{words} {name}", group)


def _options(app: App) -> Iterator[Option]:
    for argument in app.assemble_argument_collection(parse_docstring=True):
        if argument.show:
            yield _option(argument)


def _option(argument: Argument) -> Option:
    parameter = argument.parameter
    groups = cast("tuple[Group, ...]", parameter.group or ())
    own = [group.name for group in groups if group.name not in ("Parameters", "Arguments")]
    is_flag = argument.token_count()[0] == 0 or bool(argument.negatives)
    value = parameter.metavar or ("CHOICE" if argument.get_choices() else "TEXT")
    is_positional = not argument.names[0].startswith("-")
    return Option(
        names=(parameter.metavar,) if is_positional and parameter.metavar else tuple(argument.names),
        group=own[0] if own else "",
        help=parameter.help or "",
        value="" if is_flag or is_positional else value,
        default=_default(argument),
        choices=tuple(argument.get_choices() or ()),
        is_required=argument.required,
    )


def _default(argument: Argument) -> str:
    show = argument.parameter.show_default
    if callable(show):
        return str(show(argument.field_info.default) or "")
    default = argument.field_info.default
    return "" if argument.required or default in (None, "", False, inspect.Parameter.empty) else str(default)
