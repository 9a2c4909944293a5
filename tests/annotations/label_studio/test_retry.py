"""Retries while Label Studio is unavailable."""

from __future__ import annotations

from typing import Any

import pytest

from reground.annotations.label_studio import retry
from reground.annotations.label_studio.errors import GATEWAY_ERRORS, UnavailableError, response_error
from reground.annotations.label_studio.retry import with_retry
from reground.tasks.errors import RegroundError


class Script:
    """A Label Studio that answers request after request as a script says."""

    def __init__(self, script: str, clock: list[float]) -> None:
        self.script, self.clock, self.done = list(script), clock, 0

    def connect(self) -> Any:
        self._next()
        return self

    def work(self, client: object) -> int:
        while self._next():
            self.done += 1
        return self.done

    def _next(self) -> bool:
        """``x``: unavailable; ``!``: refused; ``.``: the work is complete; anything else: one more unit is done."""
        step = self.script.pop(0)
        self.clock[0] += 1.0
        if step == "x":
            raise UnavailableError("away")
        if step == "!":
            raise RegroundError("no")
        return step != "."

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that advances by a second with every request."""
    seconds = [0.0]
    monkeypatch.setattr(retry.time, "monotonic", lambda: seconds[0])
    monkeypatch.setattr(retry.time, "sleep", lambda _: None)
    return seconds


def run(text: str, clock: list[float], timeout: float) -> Script:
    script = Script(text, clock)
    assert with_retry(script.connect, script.work, lambda: script.done, timeout) == script.done
    assert script.script == []
    return script


def test_work_is_resumed(clock: list[float]) -> None:
    assert run("c.", clock, 10).done == 0
    assert run("cwwx" + "xxx" + "cwx" + "c.", clock, 10).done == 3


def test_progress_restarts_the_timeout(clock: list[float]) -> None:
    assert run(("cw" + "xxxx") * 20 + "c.", clock, 10).done == 20
    with pytest.raises(UnavailableError):
        run("cw" + "x" * 100, clock, 10)
    with pytest.raises(UnavailableError):
        run("cw" + "xc" * 100, clock, 10)


def test_a_failed_first_attempt_and_a_refusal_are_raised_at_once(clock: list[float]) -> None:
    with pytest.raises(UnavailableError):
        run("x", clock, 10)
    with pytest.raises(RegroundError, match="no"):
        run("cw!", clock, 10)
    with pytest.raises(UnavailableError):
        run("cwx", clock, 0)


def test_a_gateway_error_means_unavailable() -> None:
    for status in GATEWAY_ERRORS:
        assert isinstance(response_error("http://x", "list its users", status, "<html>"), UnavailableError)
    assert not isinstance(response_error("http://x", "list its users", 500, "<html>"), UnavailableError)


def test_a_deleted_project_says_what_to_do():
    body = {"detail": "No Project matches the given query."}
    for text in (body, str(body)):
        assert "review push --round" in str(response_error("http://x", "show project 7", 404, text))
    assert "review push --round" not in str(response_error("http://x", "show task 7", 404, "No Task matches"))
