"""Whether the facts of a workspace are those of its photographs as they are now indexed."""

from __future__ import annotations

from reground.tasks.errors import RegroundError
from reground.tasks.facts.step import STEP, FactSettings
from reground.tasks.workspace import Workspace, todo


def why_no_facts(workspace: Workspace) -> str:
    """What keeps facts from being used, with the command that makes them; empty: nothing does."""
    command = f"`reground facts -w {workspace.shell_url}`"
    if "facts" not in workspace.tables():
        return f"there are no facts of the photographs: run {command}"
    plan = todo(STEP, workspace, FactSettings())
    if plan.missing or len(plan.shards) != len(workspace.keys(STEP.name)):
        return f"the facts are older than the index of the photographs: run {command}"
    return ""


def require_facts(workspace: Workspace) -> None:
    """Raises:
    RegroundError: there are no facts, or they are older than the index; the message names the command.
    """
    if reason := why_no_facts(workspace):
        raise RegroundError(f"expected facts of the photographs in {workspace.url}: {reason}.")
