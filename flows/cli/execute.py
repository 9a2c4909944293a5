"""Run steps: resolve and check all settings, take the workspace, remember, run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from reground.flows.cli.options import Overrides
from reground.flows.cli.result import Result
from reground.flows.registry import run_under_prefect
from reground.flows.run import parse_runner, require_server, run_step, watch
from reground.flows.settings import Settings, check, remembering, resolve
from reground.flows.waiting import waiting
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
    check(resolve(workspace, overrides, config), step_names)
    if prefect:
        require_server(prefect)
        with remembering(workspace, overrides, config):
            run_under_prefect(prefect, flow, workspace=workspace.url, settings=overrides)
    else:
        with remembering(workspace, overrides, config), workspace.lock(f"reground {command}"):
            # The command before may have changed what the workspace remembers.
            resolved = resolve(workspace, overrides, config)
            check(resolved, step_names)
            _run_here(workspace, step_names, resolved.settings)
    return summary(workspace, step_names)


def _run_here(workspace: Workspace, step_names: Sequence[str], settings: Settings) -> None:
    runner = parse_runner(settings.runner)
    workspace.sweep()
    with watch() as progress:
        for name in step_names:
            run_step(name, workspace, settings.of(name), runner, progress)


def require_workspace(workspace: Workspace) -> None:
    """Raises:
    RegroundError: nothing was ever made or remembered there.
    """
    if not workspace.exists() and not remembered.names(workspace):
        raise RegroundError(
            f"expected a workspace at {workspace.url}, found none: `reground run IMAGES -w {workspace.url}` makes one."
        )


def run_flow(prefect: str, name: str, **parameters: object) -> Result:
    """Run one flow; the page of its run shows the result."""
    require_server(prefect)
    run_under_prefect(prefect, name, **parameters)
    return Result(f"done as the flow '{name}': {prefect.removesuffix('/api')}/runs", {"flow": name})


def summary(workspace: Workspace, step_names: Sequence[str]) -> Result:
    """Rows of the steps' tables, what was dropped, files written, and what waits for people."""
    entries = [entry for name in step_names for entry in workspace.entries(name)]
    made = {table for entry in entries for table in entry.tables}
    rows = {
        table: sum(part.rows for _, part in workspace.parts(table)) for table in workspace.tables() if table in made
    }
    dropped = _dropped(workspace)
    files = [workspace.path(part.path) for entry in entries for part in entry.files.values()]
    lines = [f"{name}: {count:,}" for name, count in rows.items() if name != "dropped"]
    lines += [f"dropped in {stage}: {count:,} {reason}" for (stage, reason), count in sorted(dropped.items())]
    lines += [f"wrote {path}" for path in files]
    open_questions = waiting(workspace)
    data = {
        "rows": rows,
        "dropped": {f"{stage}.{reason}": count for (stage, reason), count in dropped.items()},
        "files": files,
        "waiting": open_questions,
    }
    return Result("\n".join([*lines, *open_questions]), data)


def _dropped(workspace: Workspace) -> Counter[tuple[str, str]]:
    """(step, reason) -> how many."""
    dropped = workspace.read("dropped", ["stage", "reason"])
    return Counter(zip(dropped["stage"], dropped["reason"], strict=True))
