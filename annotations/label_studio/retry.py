"""Patience: work that goes on where it was when Label Studio is back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from reground.annotations.label_studio.errors import NoAnswerError

if TYPE_CHECKING:
    from reground.annotations.label_studio.client import Client

PAUSE: Final = 0.5
"""Seconds between two knocks."""
LOGGER = logging.getLogger(__name__)

T = TypeVar("T")


def patiently(
    connect: Callable[[], Client], work: Callable[[Client], T], progress: Callable[[], int], patience: float
) -> T:
    """Do work with Label Studio; where it goes away in the midst, wait until it is back and do the work again.

    Args:
        connect: opens a client, or says that nobody answers.
        work: can be done again from the start, and then does only what is left.
        progress: grows as work gets done.
        patience: seconds to wait with nothing getting done; 0: not at all.

    Raises:
        NoAnswerError: nobody answers to begin with, or nothing got done for ``patience`` seconds.
        RegroundError: whatever else ``connect`` and ``work`` raise, at once.
    """
    client, reached, until = connect(), progress(), 0.0
    while True:
        try:
            with client:
                return work(client)
        except NoAnswerError as error:
            if until == 0.0 or progress() > reached:
                reached, until = progress(), time.monotonic() + patience
            if time.monotonic() >= until:
                raise
            LOGGER.warning("Label Studio went away (%s); waiting up to %.0f s for it", _why(error), patience)
            client = _back(connect, until)


def _back(connect: Callable[[], Client], until: float) -> Client:
    while True:
        time.sleep(PAUSE)
        try:
            return connect()
        except NoAnswerError:
            if time.monotonic() >= until:
                raise


def _why(error: NoAnswerError) -> str:
    return type(error.__cause__).__name__ if error.__cause__ else str(error)
