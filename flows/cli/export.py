"""``reground export``: a cleaned evaluation set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from reground.flows.cli.examples import examples
from reground.flows.cli.execute import require_workspace, run_flow
from reground.flows.cli.options import Prefect, WorkspaceUrl
from reground.flows.cli.result import Result
from reground.tasks.export import REGISTRY
from reground.tasks.export import export as write
from reground.tasks.text import join_lines
from reground.tasks.workspace import Workspace

app = App(
    "export",
    help_epilogue=examples(
        "reground export cleaned -w W --format parquet",
        "reground export labels -w W --format real",
        "reground export settled -w W --format parquet --only settled",
        "reground export sound -w W --format parquet --without-suspects label,duplicate",
    ),
)


@app.default
def export(
    out: Annotated[Path, Parameter(help="Folder to create; it must not exist or must be empty.")],
    /,
    *,
    format: Annotated[str, Parameter(help=f"One of: {', '.join(REGISTRY.names())}.", metavar="FORMAT")],
    workspace: WorkspaceUrl,
    only: Annotated[
        Literal["settled", "in_review", "unreviewed"] | None,
        Parameter(help="Leave out images of other states.", show_default=lambda _: "images of every state"),
    ] = None,
    escape_formulas: Annotated[
        bool,
        Parameter(
            help="In every .csv, put an apostrophe before text that a spreadsheet would run as a formula.",
            negative=(),
            show_default=False,
        ),
    ] = False,
    without_suspects: Annotated[
        str,
        Parameter(
            help="Leave out flagged suspects of these kinds that people have not settled, such as label,duplicate. "
            "Nothing is left out by a score otherwise.",
            metavar="KIND[,KIND]",
            show_default=False,
        ),
    ] = "",
    prefect: Prefect = "",
) -> Result:
    """Write one export.

    Images whose labels people settled have these labels, all others their original label.
    """
    kinds = [kind.strip() for kind in without_suspects.split(",") if kind.strip()]
    here = Workspace(workspace)
    require_workspace(here)
    if prefect:
        arguments = {"format": format, "out": str(out.resolve()), "only": only or "", "without_suspects": kinds}
        return run_flow(prefect, "export", workspace=here.url, escape_formulas=escape_formulas, **arguments)
    written = write(here, format, out, only or "", escape_formulas, kinds)
    data = {"out": str(written.folder), "states": dict(written.states), "left_out": dict(written.left_out)}
    data["warnings"] = list(written.warnings)
    return Result(join_lines(written.lines()), data)
