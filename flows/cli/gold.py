"""``reground gold import`` and ``reground gold remove``: known answers, to judge annotators by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from reground.annotations.rounds import GOLD_COLUMNS, import_gold, remove_gold
from reground.flows.cli.examples import examples
from reground.flows.cli.options import Columns, Replace, WorkspaceUrl
from reground.flows.cli.result import Result, counted
from reground.flows.execute import workspace_lock
from reground.tasks.tabular import parse_columns
from reground.tasks.workspace import Workspace

app = App("gold", help_epilogue=examples("reground gold import gold.csv -w W"))


@app.command(name="import", help_epilogue=examples("reground gold import gold.csv -w W"))
def import_(
    file: Annotated[Path, Parameter(help="Table with image_id, class and answer (yes or no).")],
    /,
    *,
    workspace: WorkspaceUrl,
    source: Annotated[
        str,
        Parameter(
            help="What the source of the answers is called.", metavar="NAME", show_default=lambda _: "the file's name"
        ),
    ] = "",
    columns: Columns = "",
    replace: Replace = False,
) -> Result:
    """Import known answers."""
    here = Workspace(workspace)
    names = parse_columns(columns, GOLD_COLUMNS)
    with workspace_lock(here, "reground gold import"):
        counts = import_gold(here, file, source, replace=replace, columns=names)
    return Result(counted(counts), counts)


@app.command(help_epilogue=examples("reground gold remove -w W --source gold"))
def remove(
    *,
    workspace: WorkspaceUrl,
    source: Annotated[str, Parameter(help="Source of known answers; `reground status` lists them.", metavar="NAME")],
) -> Result:
    """Remove the known answers that an import has brought."""
    here = Workspace(workspace)
    with workspace_lock(here, "reground gold remove"):
        counts = {"removed": remove_gold(here, source)}
    return Result(counted(counts), counts)
