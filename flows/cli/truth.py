"""``reground truth`` and its commands: versions, diff, and import and remove of reference truths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from reground.annotations.references import (
    COLUMNS,
    FORMATS,
    ReferenceImport,
    ReferenceOptions,
    import_reference,
    references,
    remove_reference,
)
from reground.annotations.truth import diff as compare
from reground.annotations.truth import versions as list_versions
from reground.flows.cli.examples import examples
from reground.flows.cli.execute import require_workspace
from reground.flows.cli.options import WorkspaceUrl
from reground.flows.cli.result import Result
from reground.flows.cli.step_command import step_action
from reground.flows.cli.truth_diff import class_names, diff_lines
from reground.flows.execute import workspace_lock
from reground.tasks.errors import UsageError
from reground.tasks.schema import ReferenceRow
from reground.tasks.tabular import parse_columns
from reground.tasks.text import count_of, join_lines
from reground.tasks.workspace import Workspace

app = App(
    "truth",
    help_epilogue=examples(
        "reground truth -w W",
        "reground truth -w W --method dawid-skene --keep 0.8",
        "reground truth diff 1 2 -w W",
        "reground truth import real.json --name real -w W",
    ),
)
app.default(step_action("truth", "truth"))


@app.command(help_epilogue=examples("reground truth versions -w W"))
def versions(*, workspace: WorkspaceUrl) -> Result:
    """List the versions of the truth, oldest first, and the reference truths."""
    here = Workspace(workspace)
    require_workspace(here)
    rows, published = list_versions(here), references(here)
    lines = [f"{row.number:>3}  {row.version}  {row.method}, {count_of(row.votes, 'vote')}" for row in rows] or [
        "no truth yet"
    ]
    lines += [f"{row['name']}: {row['file']}, {_size(row)}" for row in published]
    return Result(join_lines(lines), {"versions": [asdict(row) for row in rows], "references": published})


Name = Annotated[str, Parameter(name="--name", help="What the reference truth is called.", metavar="NAME")]


@app.command(
    name="import",
    help_epilogue=examples(
        "reground truth import real.json --name real -w W",
        "reground truth import labels.csv --name ours -w W --columns image_id=file",
        "reground truth import instances.json --name coco -w W --classes map.csv",
    ),
)
def import_(
    path: Annotated[
        Path,
        Parameter(
            help="Label lists (real.json), a folder of ImageNetMultiLabel, a COCO file, or a table of image and label."
        ),
    ],
    /,
    *,
    name: Name,
    workspace: WorkspaceUrl,
    format: Annotated[
        str,
        Parameter(help=f"One of: {', '.join(FORMATS)}.", metavar="FORMAT", show_default=lambda _: "by the file"),
    ] = "",
    classes: Annotated[
        Path | None,
        Parameter(
            help="Table with the columns theirs and ours, a pair of classes a row; an empty ours: none of this "
            "workspace's classes.",
            metavar="FILE",
        ),
    ] = None,
    columns: Annotated[
        str,
        Parameter(
            help=f"Columns of a table as NAME=COLUMN,...; names: {', '.join(COLUMNS)}.",
            metavar="COLUMNS",
            show_default=False,
        ),
    ] = "",
    min_confidence: Annotated[
        float, Parameter(help="Smallest confidence of a label that holds, 0 to 1.", metavar="SHARE")
    ] = 0.0,
    ignore_unknown: Annotated[
        bool,
        Parameter(
            help="Leave out labels of classes that the workspace lacks; without, the images that have them are left "
            "out, because their labels are not all known.",
            negative=(),
            show_default=False,
        ),
    ] = False,
) -> Result:
    """Import labels that others publish as a reference truth; another import under the same name replaces it."""
    options = ReferenceOptions(format, classes, parse_columns(columns, COLUMNS), min_confidence, ignore_unknown)
    here = Workspace(workspace)
    with workspace_lock(here, "reground truth import"):
        done = import_reference(here, name, path, options)
    return Result(join_lines(_import_lines(done)), asdict(done))


def _import_lines(done: ReferenceImport) -> Iterator[str]:
    row, before = done.reference, done.replaced
    yield f"{row['name']}: {_size(row)}; left out {count_of(row['dropped'], 'item')}"
    yield from (f"left out: {reason}" for reason in done.reasons)
    yield from done.coverage.lines()
    if before is not None:
        yield f"replaced '{row['name']}' of {before['file']}: {_size(before)}"


def _size(row: ReferenceRow) -> str:
    counts = f"{count_of(row['labels'], 'label')} of {count_of(row['images'], 'image')}"
    return f"{counts}, of which {row['empty']:,} have no label that holds"


@app.command(help_epilogue=examples("reground truth remove real -w W"))
def remove(
    name: Annotated[str, Parameter(help="Name of the reference truth: `reground truth versions` lists them.")],
    /,
    *,
    workspace: WorkspaceUrl,
) -> Result:
    """Remove a reference truth, and the numbers of the evaluation by it."""
    here = Workspace(workspace)
    require_workspace(here)
    with workspace_lock(here, "reground truth remove"):
        row = remove_reference(here, name)
    return Result(f"removed '{name}' of {row['file']}: {_size(row)}", {"removed": row})


Truth = Annotated[
    str,
    Parameter(
        help="Number or digest of a version, name of a reference truth, own (the current version) or original: "
        "`reground truth versions` lists them."
    ),
]


@app.command(
    help_epilogue=examples(
        "reground truth diff 1 2 -w W",
        "reground truth diff own real -w W",
        "reground truth diff original real -w W --json",
    )
)
def diff(
    first: Truth,
    second: Truth,
    /,
    *,
    workspace: WorkspaceUrl,
    limit: Annotated[int, Parameter(help="Images and classes to print; --json prints all.", metavar="N")] = 20,
    resamples: Annotated[int, Parameter(help="Bootstrap resamples of images, for the intervals.", metavar="N")] = 1000,
) -> Result:
    """Compare any two truths: how far their labels agree, and on which images they differ."""
    if min(limit, resamples - 1) < 0:
        raise UsageError(f"expected a limit of at least 0 and at least 1 resample, got {limit} and {resamples}.")
    here = Workspace(workspace)
    require_workspace(here)
    difference = compare(here, first, second, resamples)
    return Result(join_lines(diff_lines(difference, class_names(here), limit)), difference.to_dict())
