"""Run steps in this process: all settings are checked, the workspace is held and remembers them, the steps run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reground.flows.run import Bars, Lines, Silence, parse_runner, run_step
from reground.flows.settings import remembering, resolve_for
from reground.tasks.workspace import Workspace


@contextlib.contextmanager
def workspace_lock(workspace: Workspace, command: str) -> Iterator[None]:
    """Hold a workspace for one command that changes it; if the command is refused, no new folder stays.

    Args:
        workspace: is made if need be.
        command: named to whoever waits for the workspace.
    """
    with remembering(workspace, {}), workspace.lock(command):
        yield


def execute(
    command: str,
    step_names: Sequence[str],
    workspace: Workspace,
    overrides: Mapping[str, Any],
    config: Path | None,
    watched: Lines | Bars | Silence,
) -> None:
    """Do what is missing of some steps.

    Args:
        command: named to whoever waits for the workspace.
        step_names: in order.
        workspace: is made if need be.
        overrides: settings, ``{STEP: {FIELD: value}}``; the workspace remembers them.
        config: settings in TOML, remembered too.
        watched: shows how far the steps are.

    Raises:
        UsageError: settings cannot be used; the workspace is left as it was.
        RegroundError: whatever a step raises; what is made by then is kept.
    """
    resolve_for(step_names, workspace, overrides, config)
    with remembering(workspace, overrides, config), workspace.lock(command):
        # Whoever held the workspace before may have changed what it remembers.
        resolved = resolve_for(step_names, workspace, overrides, config)
        runner = parse_runner(resolved.settings.runner)
        workspace.sweep()
        with watched as progress:
            for name in step_names:
                run_step(name, workspace, resolved.settings.of(name), runner, progress)
