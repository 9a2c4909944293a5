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
        "reground predict import -w W --model ours --features features.npz",
    ),
)
app.default(step_action("predict", "predict"))

FORMATS = "Table with image_id and class_idx, or a folder laid out as cleanlab/label-errors; features can come without."
FEATURES = "Features made elsewhere: .parquet or .npz with image_id and vector, or .npy beside a .json of image ids."


@app.command(
    name="import",
    help_epilogue=examples(
        "reground predict import p.csv -w W --model ours --features features.parquet",
        "reground predict import -w W --model ours --features features.npz",
    ),
)
def import_(
    file: Annotated[Path | None, Parameter(help=FORMATS)] = None,
    /,
    *,
    model: Annotated[str, Parameter(help="What the model is called from now on.", metavar="NAME")],
    workspace: WorkspaceUrl,
    features: Annotated[Path | None, Parameter(help=FEATURES, metavar="FILE")] = None,
    columns: Columns = "",
    replace: Replace = False,
) -> Result:
    """Import predictions, features or both, made elsewhere; images need not be at hand."""
    here = Workspace(workspace)
    names = parse_columns(columns, COLUMNS)
    with workspace_lock(here, "reground predict import"):
        counts = import_predictions(here, model, file, features=features, replace=replace, columns=names)
    return Result(counted(counts), counts)


@app.command(help_epilogue=examples("reground predict remove -w W --model ours"))
def remove(
    *,
    workspace: WorkspaceUrl,
    model: Annotated[
        str, Parameter(help="Model whose predictions were imported; see `reground status`.", metavar="NAME")
    ],
) -> Result:
    """Remove the predictions and features that an import has brought."""
    here = Workspace(workspace)
    with workspace_lock(here, "reground predict remove"):
        counts = remove_predictions(here, model)
    return Result(counted(counts), counts)
