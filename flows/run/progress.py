"""Progress and logs of steps on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Final, Self, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from reground.tasks import console

LOGGER: Final = logging.getLogger("reground")
QUIET: Final = logging.ERROR
"""Level of `listen` from which on no progress is shown either."""
INTERVAL: Final = 30.0
"""Seconds between two plain lines of one step."""


class Lines:
    """Plain lines: one when a step starts, one now and then, one when it ends."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream or sys.stderr
        self._clock = clock
        self._steps: dict[str, _Step] = {}

    def start(self, step: str, total: int, done: int) -> None:
        now = self._clock()
        self._steps[step] = _Step(total, done, done, now, now)
        already = f", {done:,} done before" if done else ""
        self._say(f"{step}: {total:,}{already}")

    def advance(self, step: str, count: int) -> None:
        state, now = self._steps[step], self._clock()
        state.done += count
        if now - state.last_line >= INTERVAL:
            state.last_line = now
            self._say(f"{step}: {state.describe(now)}")

    def end(self, step: str, note: str) -> None:
        self._say(f"{step}: {note}")

    def _say(self, line: str) -> None:
        console.write(line, self._stream)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class _Step:
    def __init__(self, total: int, done: int, done_before: int, started: float, last_line: float) -> None:
        self.total, self.done, self.done_before = total, done, done_before
        self.started, self.last_line = started, last_line

    def describe(self, now: float) -> str:
        rate = (self.done - self.done_before) / max(now - self.started, 1e-9)
        counts = f"{self.done:,} of {self.total:,}"
        if rate <= 0:
            return counts
        left = timedelta(seconds=round((self.total - self.done) / rate))
        return f"{counts}, {_per_second(rate)}, {left} left"


class Silence:
    """No progress."""

    def start(self, step: str, total: int, done: int) -> None: ...
    def advance(self, step: str, count: int) -> None: ...
    def end(self, step: str, note: str) -> None: ...

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
            _Rate(),
            TimeElapsedColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[note]}", style="dim"),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, TaskID] = {}

    def start(self, step: str, total: int, done: int) -> None:
        self._tasks[step] = self._progress.add_task(step, total=total, completed=done, note="")

    def advance(self, step: str, count: int) -> None:
        self._progress.advance(self._tasks[step], count)

    def end(self, step: str, note: str) -> None:
        self._progress.update(self._tasks[step], note=note)

    def __enter__(self) -> Self:
        self._progress.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.__exit__(kind, error, trace)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> str:
        rate = task.finished_speed or task.speed
        return _per_second(rate) if rate else ""


def _per_second(rate: float) -> str:
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s"


class ConsoleHandler(logging.Handler):
    """Prints what is logged, above the bars where there are any (they stand in for standard error)."""

    def emit(self, record: logging.LogRecord) -> None:
        console.write(self.format(record), sys.stderr)


def listen(level: int = logging.INFO) -> None:
    """Show what steps log.

    Args:
        level: the lowest that is shown; from `QUIET` on, progress is not shown either; `logging.DEBUG` adds
            time and logger to each line.
    """
    handler = next((h for h in LOGGER.handlers if isinstance(h, ConsoleHandler)), None) or ConsoleHandler()
    handler.setLevel(level)
    detailed = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    handler.setFormatter(logging.Formatter(detailed if level <= logging.DEBUG else "%(message)s"))
    LOGGER.addHandler(handler)
    LOGGER.setLevel(level)


def watch() -> Lines | Bars | Silence:
    """Bars on a terminal and in a notebook, plain lines elsewhere."""
    if _is_quiet():
        return Silence()
    return Bars() if sys.stderr.isatty() or Console().is_jupyter else Lines()


def is_listening() -> bool:
    """Whether `listen` shows this process's logs in its terminal; a worker's shows those of Prefect."""
    return any(isinstance(handler, ConsoleHandler) for handler in LOGGER.handlers)


def show(line: str) -> None:
    """A line of progress, unless `listen` is quiet."""
    if not _is_quiet():
        console.write(line, sys.stderr)


def _is_quiet() -> bool:
    return any(isinstance(handler, ConsoleHandler) and handler.level >= QUIET for handler in LOGGER.handlers)
