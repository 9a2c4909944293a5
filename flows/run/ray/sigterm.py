"""SIGTERM while Ray works: an exception out of the handler would surface inside Ray as another."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def sigterm_noted() -> Iterator[Callable[[], bool]]:
    """Note SIGTERM inside the block; at its end stop Ray, with all its processes here, and pass the signal on.

    Gives whether it came. Outside the main thread, which alone handles signals, nothing is noted.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    signals: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: signals.append(number))
    try:
        yield lambda: bool(signals)
    finally:
        if signals:
            import ray

            ray.shutdown()  # which puts the default handler back
        signal.signal(signal.SIGTERM, before)
        if signals:
            signal.raise_signal(signal.SIGTERM)
