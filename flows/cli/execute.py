"""Run steps in this process or as a flow, and say what they have made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reground.flows.cli.options import Overrides
from reground.flows.cli.result import Result
from reground.flows.execute import execute
from reground.flows.registry import run_under_prefect
from reground.flows.run import require_server, watch
from reground.flows.settings import remembering, resolve_for
from reground.flows.summary import idle_reasons, summarize
from reground.tasks.errors import RegroundError
from reground.tasks.workspace import Workspace, remembered


def run_steps(
    command: str,
    flow: str,
    step_names: Sequence[str],
    workspace_url: str,
    overrides: Overrides,
    config: Path | None,
    prefect: str,
) -> Result:
    """Do what is missing of some steps, here or as a flow.

    Args:
        command: named to whoever waits for the workspace.
        flow: to run with ``prefect``.
        step_names: in order.
        workspace_url: folder or object-store URL.
        overrides: settings of the command line.
        config: settings in TOML.
        prefect: address of a Prefect server; empty: run here.

    Raises:
        UsageError: settings cannot be used; nothing is written then.
        RegroundError: whatever a step raises.
    """
    workspace = Workspace(workspace_url)
    if prefect:
        resolve_for(step_names, workspace, overrides, config)
        require_server(prefect)
        with remembering(workspace, overrides, config):
            run_under_prefect(prefect, flow, workspace=workspace.url, settings=overrides)
    else:
        execute(f"reground {command}", step_names, workspace, overrides, config, watch())
    return summary(workspace, step_names, idle_reasons(workspace, step_names))


def require_workspace(workspace: Workspace) -> None:
    """Raises:
    RegroundError: nothing was ever made or remembered there.
    """
    if not workspace.exists() and not remembered.names(workspace):
        raise RegroundError(
            f"expected a workspace at {workspace.url}, found none: "
            f"`reground run IMAGES -w {workspace.shell_url}` makes one."
        )


def run_flow(prefect: str, name: str, **parameters: object) -> Result:
    """Run one flow; the page of its run shows the result."""
    require_server(prefect)
    run_under_prefect(prefect, name, **parameters)
    return Result(f"done as the flow '{name}': {prefect.removesuffix('/api')}/runs", {"flow": name})


def summary(workspace: Workspace, step_names: Sequence[str], idle: Sequence[str] = ()) -> Result:
    """Rows of the steps' tables, what was dropped, files written, and what waits for people.

    Args:
        workspace: with the tables.
        step_names: in order.
        idle: see `reground.flows.summary.idle_reasons`.
    """
    made = summarize(workspace, step_names, idle)
    return Result(repr(made), made.to_dict())
