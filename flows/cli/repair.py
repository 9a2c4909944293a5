"""``reground repair``: take what is damaged off the manifest, so that the next run makes it anew."""

from __future__ import annotations

from cyclopts import App

from reground.flows.cli.examples import examples
from reground.flows.cli.options import WorkspaceUrl
from reground.flows.cli.result import Result
from reground.tasks.text import count_of, visible
from reground.tasks.workspace import Workspace, repair_manifest

app = App("repair", help_epilogue=examples("reground repair -w W"))


@app.default
def repair(*, workspace: WorkspaceUrl) -> Result:
    """Read every file that the workspace lists, and take what is damaged or gone off the list."""
    here = Workspace(workspace)
    damaged = repair_manifest(here)
    if not damaged:
        return Result("every file is as it was written", {"damaged": []})
    lines = [f"damaged: {visible(name)}" for name in damaged]
    rest = f"{count_of(len(damaged), 'item')} taken off: the next run of the steps makes them anew"
    return Result("\n".join([*lines, rest]), {"damaged": damaged})
