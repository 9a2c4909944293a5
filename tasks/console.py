"""The terminal and logs: the one place where text is written for people."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

from reground.tasks.redaction import redact
from reground.tasks.text import visible_lines


def write(text: str, stream: TextIO | None = None) -> None:
    """Print lines without secrets, control characters and direction marks.

    Args:
        text: one line or several; a value that must stay on its line goes through `reground.tasks.text.visible`.
        stream: standard output unless given; characters that its encoding lacks are shown as their code points.
    """
    target = stream or sys.stdout
    encoding = getattr(target, "encoding", None) or "utf-8"
    safe = visible_lines(redact(text)).encode(encoding, "backslashreplace").decode(encoding)
    print(safe, file=target, flush=True)


class SafeLogRecord(logging.LogRecord):
    """A log record whose message has no secrets, control characters and direction marks."""

    def getMessage(self) -> str:  # noqa: N802 - the name is of the standard library
        return visible_lines(redact(super().getMessage()))


def guard_logs() -> None:
    """Make every record of this process a `SafeLogRecord`, whoever logs it and wherever it is sent."""
    logging.setLogRecordFactory(SafeLogRecord)
