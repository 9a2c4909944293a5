"""Waiting for what another thread or process does, however long a busy machine takes."""

from __future__ import annotations

import time
from collections.abc import Callable

HANG = 600.0
"""Seconds after which something hangs for sure, where a call has to be given a limit."""


def wait_until(condition: Callable[[], object], pause: float = 0.01) -> None:
    """Returns once ``condition`` holds; the limit of a test, in pyproject.toml, stops a hang."""
    while not condition():
        time.sleep(pause)
