"""``reground votes import`` and ``reground votes remove``: votes that others have collected."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from reground.annotations.published import COLUMNS, REGISTRY, import_votes, remove_votes
from reground.flows.cli.examples import examples
from reground.flows.cli.options import Columns, Replace, WorkspaceUrl
from reground.flows.cli.result import Result, counted
from reground.flows.execute import workspace_lock
from reground.tasks.tabular import parse_columns
from reground.tasks.workspace import Workspace

app = App(
    "votes",
    help_epilogue=examples("reground votes import ReaL -w W --format real", "reground votes remove -w W --source bob"),
)


@app.command(
    name="import",
    help_epilogue=examples(
        "reground votes import ReaL -w W --format real",
        "reground votes import bob/votes.csv -w W --source bob",
        "reground votes import export.json -w W --format label-studio",
        "reground votes import t.csv -w W --columns image_id=task,annotator=worker",
    ),
)
def import_(
    path: Annotated[
        Path, Parameter(help="Folder as its publishers lay it out, a table of answers, or Label Studio's JSON export.")
    ],
    /,
    *,
    workspace: WorkspaceUrl,
    format: Annotated[
        str,
        Parameter(
            help=f"One of: {', '.join(REGISTRY.names())}.",
            metavar="FORMAT",
            show_default=lambda _: "of a file csv or label-studio, by what is in it",
        ),
    ] = "",
    source: Annotated[
        str,
        Parameter(
            help="What the votes' source is called.",
            metavar="NAME",
            show_default=lambda _: "of a file its name, of a plugin the plugin's",
        ),
    ] = "",
    columns: Columns = "",
    replace: Replace = False,
) -> Result:
    """Import votes that others have collected."""
    here = Workspace(workspace)
    names = parse_columns(columns, COLUMNS)
    with workspace_lock(here, "reground votes import"):
        counts = import_votes(here, format, path, source, replace=replace, columns=names)
    return Result(counted(counts), counts)


@app.command(help_epilogue=examples("reground votes remove -w W --source bob"))
def remove(
    *,
    workspace: WorkspaceUrl,
    source: Annotated[str, Parameter(help="Source of imported votes; `reground status` lists them.", metavar="NAME")],
) -> Result:
    """Remove the votes that an import has brought."""
    here = Workspace(workspace)
    with workspace_lock(here, "reground votes remove"):
        counts = {"removed": remove_votes(here, source)}
    return Result(counted(counts), counts)
