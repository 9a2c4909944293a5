"""``reground export``: a cleaned evaluation set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from reground.flows.cli.examples import examples
from reground.flows.cli.execute import require_workspace, run_flow
from reground.flows.cli.options import Prefect, WorkspaceUrl
from reground.flows.cli.result import Result
from reground.tasks.export import REGISTRY
from reground.tasks.export import export as write
from reground.tasks.workspace import Workspace

app = App(
    "export",
    help_epilogue=examples(
        "reground export cleaned -w W --format parquet", "reground export labels -w W --format real"
    ),
)


@app.default
def export(
    out: Annotated[Path, Parameter(help="Folder to create; it must not exist or must be empty.")],
    /,
    *,
    format: Annotated[str, Parameter(help=f"One of: {', '.join(REGISTRY.names())}.", metavar="FORMAT")],
    workspace: WorkspaceUrl,
    prefect: Prefect = "",
) -> Result:
    """Write one export."""
    here = Workspace(workspace)
    require_workspace(here)
    if prefect:
        return run_flow(prefect, "export", workspace=here.url, format=format, out=str(out.resolve()))
    folder = write(here, format, out)
    return Result(f"wrote {folder}", {"out": str(folder)})
