"""The words of a command may follow options: ``reground -w W truth diff 1 2``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cyclopts import App

from reground.tasks.errors import unknown

FLAGS: Final = frozenset({"-q", "--quiet", "-v", "--verbose", "--json", "-h", "--help", "--version"})
"""Options without a value, of every command; any other option may take the word after it."""


def commands_first(app: App, tokens: Sequence[str]) -> list[str]:
    """The same words, those that name the command before all others.

    Raises:
        UsageError: no such command; the message names the nearest and lists all.
    """
    commands: list[str] = []
    rest = list(tokens)
    while names := [name for name in app if not name.startswith("-")]:
        place = _first_word(rest)
        if place is None:
            break
        if rest[place] not in names:
            raise unknown(f"`{' '.join(['reground', *commands])}` command", rest[place], names)
        commands.append(rest.pop(place))
        app = app[commands[-1]]
    return commands + rest


def _first_word(tokens: Sequence[str]) -> int | None:
    """Where the first token stands that is neither an option nor the value of one."""
    is_value = False
    for place, token in enumerate(tokens):
        if token == "--":
            return None
        is_option = token.startswith("-")
        if not is_option and not is_value:
            return place
        is_value = is_option and token not in FLAGS and "=" not in token
    return None
