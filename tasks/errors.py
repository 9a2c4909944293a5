"""The one error a user is meant to read."""

from __future__ import annotations


class RegroundError(Exception):
    """Something a user can put right: the message is all they see (exit status 1).

    A message says what was expected, what came, where, and what to do.
    """


class UsageError(RegroundError):
    """The command or a setting was wrong, before any work began (exit status 2)."""


def unknown(kind: str, given: object, known: object) -> UsageError:
    """An unknown name, with every name that would have worked."""
    names = ", ".join(sorted(str(name) for name in known)) or "none"  # type: ignore[attr-defined]
    return UsageError(f"unknown {kind} '{given}': expected one of: {names}")
