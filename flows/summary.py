"""What steps have made: rows by table, what was dropped and why, files, and what waits for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reground.flows.steps import find
from reground.flows.waiting import waiting
from reground.tasks.text import join_lines
from reground.tasks.workspace import StepPlan, Workspace


@dataclass(frozen=True, repr=False)
class Summary:
    """The tables of some steps.

    Attributes:
        rows: by table.
        dropped: (step, reason) -> rows of ``dropped`` that the steps wrote.
        files: full paths of the files written.
        waiting: what cannot go on without people, a sentence each.
        idle: why steps had nothing to do, a sentence each.
    """

    rows: dict[str, int]
    dropped: dict[tuple[str, str], int]
    files: list[str]
    waiting: list[str]
    idle: list[str]

    def __repr__(self) -> str:
        lines = [f"{name}: {count:,}" for name, count in self.rows.items() if name != "dropped"]
        lines += [f"dropped in {step}: {count:,} {reason}" for (step, reason), count in sorted(self.dropped.items())]
        lines += [f"wrote {path}" for path in self.files]
        return join_lines([*lines, *self.idle, *self.waiting])

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON takes it."""
        dropped = {f"{step}.{reason}": count for (step, reason), count in self.dropped.items()}
        return {"rows": self.rows, "dropped": dropped, "files": self.files, "waiting": self.waiting, "idle": self.idle}


def summarize(workspace: Workspace, step_names: Sequence[str], idle: Sequence[str] = ()) -> Summary:
    """What there is of the steps' tables now.

    Args:
        workspace: with the tables.
        step_names: in order.
        idle: see `idle_reasons`.
    """
    entries = [entry for name in step_names for entry in workspace.entries(name)]
    tables = {table for entry in entries for table in entry.tables}
    rows = {name: sum(part.rows for _, part in workspace.parts(name)) for name in sorted(tables)}
    files = [workspace.path(part.path) for entry in entries for part in entry.files.values()]
    counts: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        if "dropped" in entry.tables:
            counts.update({(stage, reason): rows for (stage, reason), rows in entry.tables["dropped"].counts})
    return Summary(rows, dict(counts), files, waiting(workspace), list(idle))


def idle_reasons(workspace: Workspace, step_names: Sequence[str]) -> list[str]:
    """Why steps that have just run made nothing: they had nothing to do."""
    return [
        f"{name}: {StepPlan([], [], idle=find(name).idle).describe()}"
        for name in step_names
        if not workspace.entries(name)
    ]
