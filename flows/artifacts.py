"""What a run shows on its Prefect page: progress, what a step made and left out, pictures, numbers."""

from __future__ import annotations

import logging
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast
from uuid import UUID

from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact

from reground.flows.contact_sheet import contact_sheet
from reground.flows.run import Bars, Lines
from reground.tasks.schema import PHOTOGRAPHS, VARIANTS
from reground.tasks.workspace import Workspace

REFRESH = 5
"""Percent between two updates of a progress bar: each is a request to the server."""
MAX_REASONS = 12

LOGGER = logging.getLogger(__name__)


class Progress:
    """A step's progress on the run's page, and wherever ``beside`` shows it."""

    def __init__(self, workspace: Workspace, beside: Lines | Bars) -> None:
        self._workspace, self._beside = workspace, beside
        self._done, self._total, self._shown = 0, 1, 0.0
        self._artifact: UUID | None = None

    def start(self, step: str, total: int, done: int) -> None:
        self._beside.start(step, total, done)
        self._done, self._total = done, max(1, total)
        self._shown = self._percent()
        description = f"{step}: {total:,} units, {done:,} of them done before, in {self._workspace.url}"
        # No key: it belongs to its run alone, not among the workspace's artifacts.
        self._artifact = cast(UUID, create_progress_artifact(self._shown, description=description))
        LOGGER.info(description)

    def advance(self, step: str, by: int) -> None:
        self._beside.advance(step, by)
        self._done += by
        if self._percent() - self._shown >= REFRESH:
            self._show(self._percent())

    def end(self, step: str, note: str) -> None:
        self._beside.end(step, note)
        if self._shown < 100:
            self._show(100.0)
        LOGGER.info("%s: %s", step, note)

    def _percent(self) -> float:
        return min(100.0, 100 * self._done / self._total)

    def _show(self, percent: float) -> None:
        self._shown = percent
        if self._artifact is not None:
            update_progress_artifact(self._artifact, percent)


def show(workspace: Workspace, step: str, seconds: float) -> None:
    """Publish what a step made, what people want to see first."""
    first = FIRST[step](workspace) if step in FIRST else ""
    publish(workspace, step, "\n\n".join(part for part in (first, made(workspace, step, seconds)) if part))


def publish(workspace: Workspace, name: str, markdown: str) -> None:
    """One markdown artifact of the workspace; the same name again adds to its history."""
    create_markdown_artifact(markdown, key=key(workspace, name), description=f"{name} of {workspace.url}")


def key(workspace: Workspace, name: str) -> str:
    """Name of an artifact: lowercase letters, digits and dashes, as Prefect asks."""
    return re.sub(r"[^a-z0-9]+", "-", f"{slug(workspace)}-{name}".lower()).strip("-")


def slug(workspace: Workspace) -> str:
    """A workspace's short name: the last part of its address."""
    last = posixpath.basename(workspace.root)
    return re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-") or "workspace"


def made(workspace: Workspace, step: str, seconds: float) -> str:
    """Rows and files that the step's manifest lists, and what it dropped, by reason."""
    entries = workspace.entries(step)
    rows: Counter[str] = Counter()
    for entry in entries:
        rows.update({name: part.rows for name, part in entry.tables.items() if name != "dropped"})
    files = [workspace.path(part.path) for entry in entries for part in entry.files.values()]
    lines = [f"Shards in the manifest: {len(entries):,}. This run took {seconds:,.1f} s.", ""]
    lines += _table(["table", "rows"], [[f"`{name}`", f"{count:,}"] for name, count in sorted(rows.items())])
    lines += [f"- wrote `{path}`" for path in files]
    dropped = _dropped(workspace, step)
    counts = [[reason, f"{count:,}"] for reason, count in dropped.most_common(MAX_REASONS)]
    return "\n".join([*lines, *(["", *_table(["dropped for", "items"], counts)] if counts else [])])


def evaluation(workspace: Workspace) -> str:
    """Every model's numbers over all images of a set: one row a metric, one column a model."""
    found = workspace.read("evaluation")
    found = found[found["subset"].isin(["all", "reviewed"]) & (found["n"] > 0)]
    found = found[~found["metric"].str.startswith("rank_")]
    cells: dict[tuple[str, str, str], dict[str, str]] = {}
    least: dict[tuple[str, str, str], int] = {}
    for row in found.to_dict("records"):
        measured = (row["set"], row["metric"], row["subset"])
        cells.setdefault(measured, {})[row["model"]] = f"{row['value']:.1%} ({row['low']:.1%} to {row['high']:.1%})"
        least[measured] = min(least.get(measured, row["n"]), row["n"])
    models = sorted(found["model"].unique())
    rows = [
        [*measured, f"{least[measured]:,}", *(cells[measured].get(model, "") for model in models)]
        for measured in sorted(cells, key=_as_in_the_paper)
    ]
    sources = sorted({source for source in found["sources"] if source})
    votes = [f"\nVotes behind the reviewed rows: {', '.join(sources)}."] if sources else []
    return "\n".join([*_table(["set", "metric", "subset", "n", *models], rows), *votes])


def _as_in_the_paper(measured: tuple[str, str, str]) -> tuple[int, tuple[str, str, str]]:
    order = (PHOTOGRAPHS, *VARIANTS)
    return (order.index(measured[0]) if measured[0] in order else len(order)), measured


def review(rows: Sequence[Mapping[str, Any]]) -> str:
    """How far the people are: rows of `reground.annotations.review.status.status` in words."""
    if not rows:
        return "Nobody was asked yet."
    return "\n".join(_table(list(rows[0]), [list(row.values()) for row in rows]))


FIRST: Final[dict[str, Callable[[Workspace], str]]] = {"variants": contact_sheet, "evaluate": evaluation}
"""Step -> what its artifact shows above the counts."""


def _dropped(workspace: Workspace, step: str) -> Counter[str]:
    reasons: Counter[str] = Counter()
    for entry, part in workspace.parts("dropped"):
        if entry.step == step and part.rows:
            reasons.update(workspace.read_part(part.path, ["reason"])["reason"].to_pylist())
    return reasons


def _table(head: list[Any], rows: list[list[Any]]) -> list[str]:
    if not rows:
        return []
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]
