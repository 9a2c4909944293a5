"""Serve the flows of one workspace on this machine: votes collected and models judged on schedules.

For more than one machine, `deploy` gives the same flows to a work pool.
"""

from __future__ import annotations

import contextlib
import shlex
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reground.flows.registry import FLOWS, find_flow
from reground.flows.run import use
from reground.tasks.errors import UsageError
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
        UsageError: another workspace has a deployment of the same name there.
    """
    use(api_url)
    import prefect

    served = deployments(workspace_url, collect_every, audit_cron)
    _refuse_others(served)
    try:
        with warnings.catch_warnings():
            # On SIGTERM Prefect calls a coroutine that it does not await, then exits as it should.
            warnings.filterwarnings("ignore", r"coroutine 'Runner\.a?stop' was never awaited", RuntimeWarning)
            # Prefect's own pausing is cut off by the very signal when a run is under way.
            prefect.serve(*served, limit=AT_ONCE, pause_on_shutdown=False)
    finally:
        _pause(served)


def deploy(api_url: str, workspace_url: str, pool: str, collect_every: float, audit_cron: str) -> list[str]:
    """Give every flow to a work pool, whose workers run it; returns the names of the deployments.

    Args:
        api_url: of the Prefect server that keeps the schedules.
        workspace_url: what the flows work on: an object store, or a folder that every worker sees.
        pool: a work pool of the server.
        collect_every: seconds between two collections of votes.
        audit_cron: when models are judged again, as a cron line in UTC.

    Raises:
        RegroundError: no Prefect server there.
        UsageError: no such work pool, or another workspace has a deployment of the same name.
    """
    use(api_url)
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import WorkPoolFilter

    with get_client(sync_client=True) as client:
        pools = sorted(each.name for each in client.read_work_pools(limit=200, work_pool_filter=WorkPoolFilter()))
    if pool not in pools:
        raise UsageError(
            f"expected a work pool of {api_url} ({', '.join(pools) or 'it has none'}), got '{pool}': "
            f"create it with `prefect work-pool create {shlex.quote(pool)} --type process`."
        )
    made = deployments(workspace_url, collect_every, audit_cron)
    _refuse_others(made)
    for deployment in made:
        deployment.apply(work_pool_name=pool)
    return [f"{deployment.flow_name}/{deployment.name}" for deployment in made]


def _refuse_others(made: Sequence[RunnerDeployment]) -> None:
    """Raises:
    UsageError: a deployment of the same name works on another workspace.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        for deployment in made:
            name = f"{deployment.flow_name}/{deployment.name}"
            try:
                stored = client.read_deployment_by_name(name)
            except ObjectNotFound:
                continue
            ours, theirs = deployment.parameters["workspace"], (stored.parameters or {}).get("workspace")
            if theirs != ours:
                raise UsageError(
                    f"the deployment {name} on this Prefect server is for the workspace {theirs}, not for {ours}: "
                    f"delete it (`prefect deployment delete {name}`) if nobody needs it, or use another server."
                )


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
    """One deployment a flow, named after flow and workspace: workspaces can share a server."""
    schedules: dict[str, dict[str, Any]] = {"collect": {"interval": collect_every}, "audit": {"cron": audit_cron}}
    return [_deployment(name, Workspace(workspace_url), schedules.get(name, {})) for name in FLOWS]


def _deployment(flow_name: str, workspace: Workspace, schedule: dict[str, Any]) -> RunnerDeployment:
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.types.entrypoint import EntrypointType

    from reground.flows.artifacts import address, slug

    # A run that is still waiting for the workspace does the next one's work too.
    one_at_a_time = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
    return find_flow(flow_name).to_deployment(
        f"{flow_name}-{slug(workspace)}",
        parameters={"workspace": address(workspace)},
        concurrency_limit=one_at_a_time if schedule else None,
        entrypoint_type=EntrypointType.MODULE_PATH,
        **schedule,
    )
