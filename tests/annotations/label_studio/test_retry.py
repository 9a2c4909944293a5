"""Patience with a Label Studio that goes away: how long, and with what."""

from __future__ import annotations

from typing import Any

import pytest

from reground.annotations.label_studio import retry as patience
from reground.annotations.label_studio.errors import AWAY, NoAnswerError, refusal
from reground.annotations.label_studio.retry import patiently
from reground.tasks.errors import RegroundError


class Line:
    """A Label Studio that is away whenever the script says so; each entry is one thing it is asked."""

    def __init__(self, script: str, clock: list[float]) -> None:
        self.script, self.clock, self.got = list(script), clock, 0

    def connect(self) -> Any:
        self._next()
        return self

    def work(self, client: object) -> int:
        while self._next():
            self.got += 1
        return self.got

    def _next(self) -> bool:
        """``x``: away; ``!``: it says no; ``.``: done; anything else: one thing more is done."""
        told = self.script.pop(0)
        self.clock[0] += 1.0
        if told == "x":
            raise NoAnswerError("away")
        if told == "!":
            raise RegroundError("no")
        return told != "."

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that goes on by a second with every request."""
    now = [0.0]
    monkeypatch.setattr(patience.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(patience.time, "sleep", lambda _: None)
    return now


def run(script: str, clock: list[float], seconds: float) -> Line:
    line = Line(script, clock)
    assert patiently(line.connect, line.work, lambda: line.got, seconds) == line.got
    assert line.script == []
    return line


def test_it_goes_on_where_it_was(clock: list[float]) -> None:
    assert run("c.", clock, 10).got == 0
    assert run("cwwx" + "xxx" + "cwx" + "c.", clock, 10).got == 3


def test_patience_is_for_one_outage_in_which_nothing_gets_done(clock: list[float]) -> None:
    assert run(("cw" + "xxxx") * 20 + "c.", clock, 10).got == 20
    with pytest.raises(NoAnswerError):
        run("cw" + "x" * 100, clock, 10)
    with pytest.raises(NoAnswerError):
        run("cw" + "xc" * 100, clock, 10)


def test_nobody_there_to_begin_with_and_a_refusal_are_told_at_once(clock: list[float]) -> None:
    with pytest.raises(NoAnswerError):
        run("x", clock, 10)
    with pytest.raises(RegroundError, match="no"):
        run("cw!", clock, 10)
    with pytest.raises(NoAnswerError):
        run("cwx", clock, 0)


def test_a_proxy_without_label_studio_behind_it_is_no_answer() -> None:
    for status in AWAY:
        assert isinstance(refusal("http://x", "list its users", status, "<html>"), NoAnswerError)
    assert not isinstance(refusal("http://x", "list its users", 500, "<html>"), NoAnswerError)
