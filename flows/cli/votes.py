"""``reground votes import``: votes that others have published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from reground.annotations.published import REGISTRY, import_votes
from reground.flows.cli.examples import examples
from reground.flows.cli.options import WorkspaceUrl
from reground.flows.cli.result import Result, counted
from reground.flows.execute import workspace_lock
from reground.tasks.workspace import Workspace

app = App("votes", help_epilogue=examples("reground votes import ReaL -w W --format real"))


@app.command(
    name="import",
    help_epilogue=examples(
        "reground votes import ReaL -w W --format real",
        "reground votes import votes.csv -w W --format csv",
        "reground votes import bob/votes.csv -w W --format csv --source bob",
    ),
)
def import_(
    path: Annotated[Path, Parameter(help="Folder as its publishers lay it out, or a CSV.")],
    /,
    *,
    format: Annotated[str, Parameter(help=f"One of: {', '.join(REGISTRY.names())}.", metavar="FORMAT")],
    workspace: WorkspaceUrl,
    source: Annotated[
        str,
        Parameter(
            help="What the votes' source is called; a second import of it replaces the first.",
            metavar="NAME",
            show_default=lambda _: "of a CSV the file's name, of a plugin the plugin's",
        ),
    ] = "",
) -> Result:
    """Import votes that others have published."""
    here = Workspace(workspace)
    with workspace_lock(here, "reground votes import"):
        counts = import_votes(here, format, path, source)
    return Result(counted(counts), counts)
