"""Serve the flows of one workspace on this machine: votes collected and models judged on schedules.

For more than one machine, ``prefect.yaml`` describes the same for a work pool.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reground.flows.registry import FLOWS, find_flow
from reground.flows.run import use
from reground.tasks.workspace import Workspace

if TYPE_CHECKING:
    from prefect.deployments.runner import RunnerDeployment

AT_ONCE = 2
"""Flow runs at the same time; those on one workspace wait for each other anyway."""


def serve(api_url: str, workspace_url: str, collect_every: float, audit_cron: str) -> None:
    """Serve every flow until interrupted (Ctrl-C or SIGTERM).

    Stopping pauses the schedules, so that no late runs pile up; serving again resumes them. After
    a ``kill -9`` in the middle of a run, the next run on that schedule comes when the dead one's
    lease has ended (five minutes).

    Args:
        api_url: of the Prefect server that keeps the schedules.
        workspace_url: what the flows work on.
        collect_every: seconds between two collections of votes.
        audit_cron: when models are judged again, as a cron line in UTC.

    Raises:
        RegroundError: no Prefect server there.
    """
    use(api_url)
    import prefect

    served = deployments(workspace_url, collect_every, audit_cron)
    try:
        # Prefect's own pausing is cut off by the very signal when a run is under way.
        prefect.serve(*served, limit=AT_ONCE, pause_on_shutdown=False)
    finally:
        _pause(served)


def _pause(served: Sequence[RunnerDeployment]) -> None:
    """Also where the server has gone: then there is nothing to pause."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    with contextlib.suppress(httpx.HTTPError, ObjectNotFound), get_client(sync_client=True) as client:
        for deployment in served:
            stored = client.read_deployment_by_name(f"{deployment.flow_name}/{deployment.name}")
            client.pause_deployment(stored.id)


def deployments(workspace_url: str, collect_every: float, audit_cron: str) -> list[RunnerDeployment]:
    """One deployment a flow, named after flow and workspace: two workspaces can share a server."""
    schedules: dict[str, dict[str, Any]] = {"collect": {"interval": collect_every}, "audit": {"cron": audit_cron}}
    return [_deployment(name, Workspace(workspace_url), schedules.get(name, {})) for name in FLOWS]


def _deployment(flow_name: str, workspace: Workspace, schedule: dict[str, Any]) -> RunnerDeployment:
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.types.entrypoint import EntrypointType

    from reground.flows.artifacts import slug

    # A run that is still waiting for the workspace does the next one's work too.
    one_at_a_time = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
    return find_flow(flow_name).to_deployment(
        f"{flow_name}-{slug(workspace)}",
        parameters={"workspace": workspace.root if workspace.is_local else workspace.url},
        concurrency_limit=one_at_a_time if schedule else None,
        entrypoint_type=EntrypointType.MODULE_PATH,
        **schedule,
    )
