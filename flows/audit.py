"""Audit: from the votes at hand to truth, judged models and a report."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from reground.flows import steps
from reground.flows.scheduled import house


@flow(name="audit")
def audit(workspace: str, settings: dict[str, Any] | None = None, runner: str = "") -> State[Any]:
    """Turn votes into truth, judge every model again, write the report. Cheap when nothing changed.

    Args:
        workspace: folder or object-store URL.
        settings: overrides, {step: {field: value}}; the workspace remembers them.
        runner: threads[:N], processes[:N] or ray[:ADDRESS]; empty: as in the settings.
    """
    with house("audit", workspace, settings, runner, steps.AUDIT) as held:
        held.run("truth")
        held.run("needs_vote")
        held.run("evaluate")
        held.run("report")
        return held.outlook()
