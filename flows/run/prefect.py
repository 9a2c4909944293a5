"""Reach a Prefect server. Nothing here imports Prefect until a function needs it."""

from __future__ import annotations

import logging
import os
import sys
from typing import Final

from reground.tasks.console import guard_logs
from reground.tasks.errors import RegroundError

LOGGERS: Final = ("reground",)
"""Loggers whose lines show on a run's page."""

QUIET: Final[dict[str, str]] = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    # The ephemeral server loses history; a missing address must be an error.
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    "PREFECT_LOGGING_EXTRA_LOGGERS": ",".join(LOGGERS),
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""Environment of whatever talks to Prefect: no telemetry, no server of its own."""


DELIVER_SECONDS: Final = 60


def use(api_url: str, **also: str) -> None:
    """Let this process, and those it starts, talk to the Prefect server at ``api_url``.

    Raises:
        RegroundError: nobody answers there.
    """
    require_server(api_url)
    guard_logs()
    os.environ.update({**QUIET, "PREFECT_API_URL": api_url, **also})
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)
    if "prefect" in sys.modules:
        _refresh_settings()


def _refresh_settings() -> None:
    """Prefect reads its settings, and sets up logging by them, when it is imported: maybe before `use`."""
    from prefect.context import refresh_global_settings_context
    from prefect.logging.configuration import setup_logging
    from prefect.logging.handlers import APILogHandler

    refresh_global_settings_context()
    handlers = [handler for name in LOGGERS for handler in logging.getLogger(name).handlers]
    if not any(isinstance(handler, APILogHandler) for handler in handlers):
        setup_logging(incremental=False)


def require_server(api_url: str) -> None:
    """Raises:
    RegroundError: no healthy Prefect server at ``api_url``.
    """
    import httpx

    try:
        httpx.get(f"{api_url}/health", timeout=60).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RegroundError(
            f"expected a Prefect server at {api_url}, got: {error}. Start one with `prefect server start "
            "--host 127.0.0.1` and give its address, http://127.0.0.1:4200/api, or leave out --prefect: "
            "every command also runs without."
        ) from error


def deliver() -> None:
    """Send what is still queued, so that whoever stops the server next loses no history."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for queue in (APILogWorker, EventsWorker):
        queue.drain_all(timeout=DELIVER_SECONDS, at_exit=False)
