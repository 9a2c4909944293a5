"""``reground truth``, ``reground truth versions`` and ``reground truth diff``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from reground.annotations.truth import Diff
from reground.annotations.truth import diff as compare
from reground.annotations.truth import versions as list_versions
from reground.flows.cli.examples import examples
from reground.flows.cli.execute import require_workspace
from reground.flows.cli.options import WorkspaceUrl
from reground.flows.cli.result import Result
from reground.flows.cli.step_command import step_action
from reground.tasks.workspace import Workspace

MAX_LISTED: Final = 20
"""Images named on the terminal; ``--json`` names all."""

app = App(
    "truth",
    help_epilogue=examples(
        "reground truth -w W",
        "reground truth -w W --method dawid-skene --keep 0.8",
        "reground truth diff 1 2 -w W",
    ),
)
app.default(step_action("truth", "truth"))


@app.command(help_epilogue=examples("reground truth versions -w W"))
def versions(*, workspace: WorkspaceUrl) -> Result:
    """List the versions of the truth, oldest first."""
    here = Workspace(workspace)
    require_workspace(here)
    rows = list_versions(here)
    lines = [f"{row.number:>3}  {row.version}  {row.method}, {row.votes:,} votes" for row in rows]
    return Result("\n".join(lines) or "no truth yet", {"versions": [asdict(row) for row in rows]})


Version = Annotated[str, Parameter(help="Number or digest of a version: `reground truth versions` lists them.")]


@app.command(help_epilogue=examples("reground truth diff 1 2 -w W", "reground truth diff 1 2 -w W --json"))
def diff(before: Version, after: Version, /, *, workspace: WorkspaceUrl) -> Result:
    """Compare two versions of the truth: which labels changed, and why."""
    here = Workspace(workspace)
    require_workspace(here)
    difference = compare(here, before, after)
    classes = here.read("classes", ["class_idx", "name"])
    names = dict(zip(classes["class_idx"].tolist(), classes["name"], strict=True))
    return Result("\n".join(_diff_lines(difference, names)), asdict(difference))


def _diff_lines(difference: Diff, names: Mapping[int, str]) -> Iterator[str]:
    for version in (difference.before, difference.after):
        yield f"{version.number} ({version.version}): {version.method}, {version.votes:,} votes"
    for name, (old, new) in difference.settings.items():
        yield f"setting {name}: {old} -> {new}"
    changes = difference.changes
    yield f"images: {len(changes):,} changed, {difference.unchanged:,} the same"
    for (old, new), count in difference.transitions().most_common():
        yield f"  {old} -> {new}: {count:,}"
    for reason, count in difference.reasons().most_common():
        yield f"why: {reason}: {count:,}"
    yield from _change_lines(changes[:MAX_LISTED], names)
    if len(changes) > MAX_LISTED:
        yield f"... and {len(changes) - MAX_LISTED:,} more: --json names all"


def _change_lines(changes: Sequence[Any], names: Mapping[int, str]) -> Iterator[str]:
    for change in changes:
        sides = " -> ".join(_side(row, names) for row in (change.before, change.after))
        yield f"{change.image_id}: {sides}; {', '.join(change.why)}"


def _side(row: Mapping[str, Any] | None, names: Mapping[int, str]) -> str:
    if row is None:
        return "-"
    if row["labels"] is None:
        return f"[{row['state'].replace('_', ' ')}]"
    labels = ", ".join(names.get(label, str(label)) for label in row["labels"]) or "no label"
    main = row["main_label"]
    if main is None:
        return f"[{labels}; {row['outcome']}]"
    return f"[{labels}; main {names.get(int(main), main)}, objects {row['num_objects']:g}; {row['outcome']}]"
