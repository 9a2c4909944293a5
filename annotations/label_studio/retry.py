"""Retry: resume work when Label Studio is available again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from reground.annotations.label_studio.errors import UnavailableError

if TYPE_CHECKING:
    from reground.annotations.label_studio.client import Client

RETRY_INTERVAL: Final = 0.5
"""Seconds between two attempts to connect."""
LOGGER = logging.getLogger(__name__)

T = TypeVar("T")


def with_retry(
    connect: Callable[[], Client], work: Callable[[Client], T], progress: Callable[[], int], timeout: float
) -> T:
    """Run ``work`` with a client; if Label Studio becomes unavailable, wait for it and run ``work`` again.

    Args:
        connect: opens a client; raises UnavailableError if nobody answers.
        work: idempotent: run again, it does only what is left.
        progress: grows as work gets done.
        timeout: seconds without progress after which to give up; 0: no retry.

    Raises:
        UnavailableError: nobody answers the first attempt, or there was no progress for ``timeout`` seconds.
        RegroundError: any other error of ``connect`` and ``work``, at once.
    """
    client, last_progress, deadline = connect(), progress(), 0.0
    while True:
        try:
            with client:
                return work(client)
        except UnavailableError as error:
            if deadline == 0.0 or progress() > last_progress:
                last_progress, deadline = progress(), time.monotonic() + timeout
            if time.monotonic() >= deadline:
                raise
            LOGGER.warning("Label Studio is unavailable (%s); retrying for up to %.0f s", _cause(error), timeout)
            client = _reconnect(connect, deadline)


def _reconnect(connect: Callable[[], Client], deadline: float) -> Client:
    while True:
        time.sleep(RETRY_INTERVAL)
        try:
            return connect()
        except UnavailableError:
            if time.monotonic() >= deadline:
                raise


def _cause(error: UnavailableError) -> str:
    return type(error.__cause__).__name__ if error.__cause__ else str(error)
