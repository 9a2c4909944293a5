"""What steps log reaches the terminal."""

from __future__ import annotations

import io
import logging

import pytest

from reground.flows.run.prefect import LOGGERS
from reground.flows.run.progress import QUIET, Lines, listen, show, watch
from reground.tasks.predictions.step import log


def test_a_step_that_logs_is_heard(capsys: pytest.CaptureFixture[str]) -> None:
    listen()
    log.info("21 of 21 photographs")
    assert capsys.readouterr().err == "21 of 21 photographs\n"


def test_loggers_of_a_run_page_are_above_those_of_the_modules() -> None:
    for name in LOGGERS:
        children = [child for child in logging.root.manager.loggerDict if child.startswith(f"{name}.")]
        assert children


def test_plain_lines_come_now_and_then_with_rate_and_time_left() -> None:
    clock, stream = iter([0.0, 1.0, 40.0, 41.0, 80.0]), io.StringIO()
    lines = Lines(stream, clock=lambda: next(clock))
    lines.start("masks", 1000, 200)
    for units in (10, 390, 10, 100):
        lines.advance("masks", units)
    lines.end("masks", "done")
    assert stream.getvalue().splitlines() == [
        "masks: 1,000, 200 done before",
        "masks: 600 of 1,000, 10/s, 0:00:40 left",
        "masks: 710 of 1,000, 6.4/s, 0:00:45 left",
        "masks: done",
    ]


def test_quiet_shows_errors_alone(capsys: pytest.CaptureFixture[str]) -> None:
    listen(QUIET)
    with watch() as progress:
        progress.start("masks", 10, 0)
        progress.advance("masks", 10)
        progress.end("masks", "done")
    show("a line")
    log.info("a finding")
    log.error("an error")
    listen()
    assert capsys.readouterr().err == "an error\n"
