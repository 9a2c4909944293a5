"""``reground predict``, ``reground predict import`` and ``reground predict remove``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from reground.flows.cli.examples import examples
from reground.flows.cli.options import Columns, Replace, WorkspaceUrl
from reground.flows.cli.result import Result, counted
from reground.flows.cli.step_command import step_action
from reground.flows.execute import workspace_lock
from reground.tasks.predictions import COLUMNS, import_predictions, remove_predictions
from reground.tasks.tabular import parse_columns
from reground.tasks.workspace import Workspace

app = App(
    "predict",
    help_epilogue=examples(
        "reground predict -w W --models efficientnet-lite0,timm:resnet50.a1_in1k",
        "reground predict -w W --on photographs --device cuda",
        "reground predict import predictions.csv -w W --model ours",
    ),
)
app.default(step_action("predict", "predict"))

FORMATS = "Table with image_id and class_idx, or a folder laid out as cleanlab/label-errors."


@app.command(name="import", help_epilogue=examples("reground predict import predictions.csv -w W --model ours"))
def import_(
    file: Annotated[Path, Parameter(help=FORMATS)],
    /,
    *,
    model: Annotated[str, Parameter(help="What the model is called from now on.", metavar="NAME")],
    workspace: WorkspaceUrl,
    columns: Columns = "",
    replace: Replace = False,
) -> Result:
    """Import predictions made elsewhere; images need not be at hand."""
    here = Workspace(workspace)
    names = parse_columns(columns, COLUMNS)
    with workspace_lock(here, "reground predict import"):
        counts = import_predictions(here, model, file, replace=replace, columns=names)
    return Result(counted(counts), counts)


@app.command(help_epilogue=examples("reground predict remove -w W --model ours"))
def remove(
    *,
    workspace: WorkspaceUrl,
    model: Annotated[
        str, Parameter(help="Model whose predictions were imported; see `reground status`.", metavar="NAME")
    ],
) -> Result:
    """Remove the predictions that an import has brought."""
    here = Workspace(workspace)
    with workspace_lock(here, "reground predict remove"):
        counts = {"removed": remove_predictions(here, model)}
    return Result(counted(counts), counts)
