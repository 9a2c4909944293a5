"""The actor: one process of a node, which loads a model once and makes shards with it."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from reground.flows.run.batch import Batch, make_batch
from reground.tasks import models
from reground.tasks.workspace import Shard


class LogLine(NamedTuple):
    """What a worker has logged."""

    logger: str
    level: int
    text: str


class Report(NamedTuple):
    """What a worker hands back.

    Attributes:
        batch: what it has made; nothing is listed yet.
        log: warnings and errors.
        waited: seconds between the end of the work before and the start of this.
        machine: host name.
    """

    batch: Batch
    log: Sequence[LogLine]
    waited: float
    machine: str


class Worker:
    """Makes shards one after the other. Only names, ids and URLs travel.

    Args:
        threads: of its own, see `reground.tasks.cores`.
    """

    def __init__(self, threads: int) -> None:
        os.environ["PYTHON_CPU_COUNT"] = str(threads)
        self._idle_since = time.monotonic()

    def load(self, model: str, device: str) -> None:
        """Load a model, which stays loaded; an empty name loads none.

        Raises:
            RegroundError: as `reground.tasks.models.load`.
        """
        if model:
            models.load(model, device)
        self._idle_since = time.monotonic()

    def run(self, step_name: str, url: str, settings: Any, shards: Sequence[Shard]) -> Report:
        """Make some shards; whoever holds the workspace lists them."""
        waited = time.monotonic() - self._idle_since
        handler = _Memory(logging.WARNING)
        logger = logging.getLogger("reground")
        logger.addHandler(handler)
        try:
            batch = make_batch(step_name, url, settings, shards)
        finally:
            logger.removeHandler(handler)
            self._idle_since = time.monotonic()
        return Report(batch, handler.lines, waited, socket.gethostname())


class _Memory(logging.Handler):
    """Keeps what is logged: standard error of a node is not ours to read."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.lines: list[LogLine] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(LogLine(record.name, record.levelno, record.getMessage()))
