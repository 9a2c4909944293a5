"""What steps log reaches the terminal."""

from __future__ import annotations

import logging

import pytest

from reground.flows.run.prefect import LOGGERS
from reground.flows.run.progress import listen
from reground.tasks.predictions.step import log


def test_a_step_that_logs_is_heard(capsys: pytest.CaptureFixture[str]) -> None:
    listen()
    log.info("21 of 21 photographs")
    assert capsys.readouterr().err == "21 of 21 photographs\n"


def test_loggers_of_a_run_page_are_above_those_of_the_modules() -> None:
    for name in LOGGERS:
        children = [child for child in logging.root.manager.loggerDict if child.startswith(f"{name}.")]
        assert children
