"""Flows by name. Importing this imports no Prefect: a flow's module loads when the flow is looked up."""

from __future__ import annotations

import importlib
from typing import Any, Final

from reground.flows import steps
from reground.flows.run import deliver, use
from reground.tasks.errors import unknown

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


def find_flow(name: str) -> Any:
    """The flow called ``name``.

    Raises:
        UsageError: no such flow; the message lists all.
    """
    if name in steps.MODULES:
        from reground.flows.scheduled import one_step

        return one_step(name)
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
        deliver()
