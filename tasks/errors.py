"""The one error a user is meant to read."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from reground.tasks.redaction import redact
from reground.tasks.text import shorten, visible_lines


class RegroundError(Exception):
    """Something a user can put right: the message is all they see (exit status 1).

    A message says what was expected, what came, where, and what to do. It holds no secret, and shows control
    characters of the names in it: it reaches terminals, logs and the pages of a scheduler.
    """

    def __init__(self, message: str) -> None:
        super().__init__(visible_lines(redact(message)))


class UsageError(RegroundError):
    """The command, a setting or a file that it names is wrong, or nothing in that file is of use (exit status 2)."""


def unknown(kind: str, name: object, valid: Iterable[object]) -> UsageError:
    """An unknown name, with the nearest and with every name that would have worked."""
    names = sorted(map(str, valid))
    text = shorten(str(name))
    matches = get_close_matches(text, names, n=1)
    hint = f" did you mean '{matches[0]}'?" if matches else ""
    return UsageError(f"unknown {kind} '{text}':{hint} expected one of: {', '.join(names) or 'none'}")
