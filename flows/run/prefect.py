"""Reach a Prefect server. Nothing here imports Prefect until a flow is asked for."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from typing import Any, Final

from reground.flows import steps
from reground.tasks.errors import RegroundError, unknown

FLOWS: Final[dict[str, str]] = {
    "curate": "reground.flows.curate:curate",
    "bootstrap": "reground.flows.bootstrap:bootstrap",
    "review-push": "reground.flows.review:review_push",
    "collect": "reground.flows.review:collect",
    "audit": "reground.flows.audit:audit",
    "export": "reground.flows.publish:publish",
    "run": "reground.flows.pipeline:pipeline",
}
"""Flow name -> where it is. Beside these, every step is a flow of its own under its name."""

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


DELIVER_SECONDS: Final = 15


def use(api_url: str, **also: str) -> None:
    """Let this process, and those it starts, talk to the Prefect server at ``api_url``.

    Raises:
        RegroundError: nobody answers there.
    """
    require_server(api_url)
    os.environ.update({**QUIET, "PREFECT_API_URL": api_url, **also})
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)
    if "prefect" in sys.modules:
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()


def require_server(api_url: str) -> None:
    """Raises:
    RegroundError: no healthy Prefect server at ``api_url``.
    """
    import httpx

    try:
        httpx.get(f"{api_url}/health", timeout=10).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RegroundError(
            f"expected a Prefect server at {api_url}, got: {error}. Start one with `prefect server start "
            "--host 127.0.0.1` and give its address, http://127.0.0.1:4200/api, or leave out --prefect: "
            "every command also runs without."
        ) from error


def find_flow(name: str) -> Any:
    """The flow called ``name``.

    Raises:
        UsageError: no such flow; the message lists all.
    """
    if name in steps.MODULES:
        return importlib.import_module("reground.flows.scheduled").one_step(name)
    if name not in FLOWS:
        raise unknown("flow", name, [*FLOWS, *steps.MODULES])
    module, _, function = FLOWS[name].partition(":")
    return getattr(importlib.import_module(module), function)


def run_under_prefect(api_url: str, flow_name: str, **parameters: Any) -> Any:
    """Run a flow in this process, recorded by the server at ``api_url``; what it returns.

    The terminal shows the steps' own progress; Prefect's log lines go to the run's page.

    Raises:
        RegroundError: no server there, or what the flow raised.
        UsageError: no such flow.
    """
    use(api_url, PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL="CRITICAL")
    try:
        return find_flow(flow_name)(**parameters)
    finally:
        _deliver()


def _deliver() -> None:
    """Send what is still queued, so that whoever stops the server next loses no history."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for queue in (APILogWorker, EventsWorker):
        queue.drain_all(timeout=DELIVER_SECONDS, at_exit=False)
