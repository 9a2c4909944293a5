"""How far a step is, and what it says, on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import sys
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Lines:
    """Plain lines: one when a step starts, one at each quarter, one when it ends."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._total: dict[str, int] = {}
        self._done: dict[str, int] = {}

    def start(self, step: str, total: int, done: int) -> None:
        self._total[step], self._done[step] = total, done
        already = f", {done} done before" if done else ""
        self._say(f"{step}: {total}{already}")

    def advance(self, step: str, by: int) -> None:
        before, total = self._done[step], max(1, self._total[step])
        self._done[step] = before + by
        if 4 * self._done[step] // total > 4 * before // total:
            self._say(f"{step}: {self._done[step]} of {total}")

    def end(self, step: str, note: str) -> None:
        self._say(f"{step}: {note}")

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Bars:
    """A bar a step, for a terminal."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="dim"),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, TaskID] = {}

    def start(self, step: str, total: int, done: int) -> None:
        self._tasks[step] = self._progress.add_task(step, total=total, completed=done, note="")

    def advance(self, step: str, by: int) -> None:
        self._progress.advance(self._tasks[step], by)

    def end(self, step: str, note: str) -> None:
        self._progress.update(self._tasks[step], note=note)

    def __enter__(self) -> Self:
        self._progress.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.__exit__(kind, error, trace)


class Said(logging.Handler):
    """Prints what steps say, above the bars where there are any (they stand in for standard error)."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)


def listen() -> None:
    """Show what steps have to say, beginning with their findings."""
    logger = logging.getLogger("reground")
    if not any(isinstance(handler, Said) for handler in logger.handlers):
        logger.addHandler(Said())
    logger.setLevel(logging.INFO)


def watch() -> Lines | Bars:
    """What fits where standard error goes."""
    return Bars() if sys.stderr.isatty() else Lines()
