"""The examples in a command's help: command lines that a test parses."""

from __future__ import annotations

TITLE = "Examples:"


def examples(*lines: str) -> str:
    """The end of a help page."""
    return "\n".join([TITLE, *(f"  {line}" for line in lines)])


def example_lines(epilogue: str | None) -> tuple[str, ...]:
    """The command lines of a help page's end, as `examples` was given them."""
    title, *lines = (epilogue or "").splitlines() or [""]
    return tuple(line.strip() for line in lines) if title == TITLE else ()
