"""Artifacts on the page of a Prefect run: progress, tables written, items dropped, images, metrics."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact

from reground.flows.contact_sheet import contact_sheet
from reground.flows.run import Bars, Lines, Silence
from reground.tasks.redaction import redact
from reground.tasks.schema import PHOTOGRAPHS, VARIANTS
from reground.tasks.text import markdown
from reground.tasks.workspace import Workspace

PROGRESS_INTERVAL: Final = 5
"""Percent between two updates of a progress artifact: each is a request to the server."""
MAX_REASONS: Final = 12
DIGEST_BYTES: Final = 5

MetricKey = tuple[str, str, str, str]
"""Set, metric, subset and truth."""


class RunProgress:
    """A step's progress: lines and an artifact on the run's page, bars or lines in the terminal."""

    def __init__(self, workspace: Workspace, terminal: Lines | Bars | Silence) -> None:
        self._workspace, self._terminal = workspace, terminal
        self._done, self._total, self._published = 0, 1, 0.0
        self._artifact: UUID | None = None

    def start(self, step: str, total: int, num_done: int) -> None:
        self._terminal.start(step, total, num_done)
        self._done, self._total = num_done, max(1, total)
        self._published = self._percent()
        description = f"{step}: {total:,} units, {num_done:,} done before, in {self._workspace.url}"
        # No key: it belongs to its run, not to the history of the workspace's artifacts.
        self._artifact = cast(UUID, create_progress_artifact(self._published, description=description))
        self._page = get_run_logger()
        self._page.info(description)

    def advance(self, step: str, count: int) -> None:
        self._terminal.advance(step, count)
        self._done += count
        if self._percent() - self._published >= PROGRESS_INTERVAL:
            self._publish(self._percent())

    def end(self, step: str, note: str) -> None:
        self._terminal.end(step, note)
        if self._published < 100:
            self._publish(100.0)
        self._page.info("%s: %s", step, note)

    def _percent(self) -> float:
        return min(100.0, 100 * self._done / self._total)

    def _publish(self, percent: float) -> None:
        self._published = percent
        if self._artifact is not None:
            update_progress_artifact(self._artifact, percent)


def create_step_artifact(workspace: Workspace, step: str, seconds: float) -> None:
    """Publish the result of a step: its headline, if it has one, and its counts."""
    headline = HEADLINES[step](workspace) if step in HEADLINES else ""
    parts = (headline, step_markdown(workspace, step, seconds))
    create_workspace_artifact(workspace, step, "\n\n".join(part for part in parts if part))


def create_workspace_artifact(workspace: Workspace, name: str, text: str) -> None:
    """Publish a Markdown artifact of the workspace; the same name again adds to its history."""
    create_markdown_artifact(redact(text), key=artifact_key(workspace, name), description=f"{name} of {workspace.url}")


def artifact_key(workspace: Workspace, name: str) -> str:
    """Key of an artifact: lower-case letters, digits and dashes, as Prefect requires."""
    return re.sub(r"[^a-z0-9]+", "-", f"{slug(workspace)}-{name}".lower()).strip("-")


def slug(workspace: Workspace) -> str:
    """A workspace's name on a server: the last part of its address, and a digest of the whole address."""
    name = re.sub(r"[^a-z0-9]+", "-", posixpath.basename(workspace.root).lower()).strip("-") or "workspace"
    return f"{name}-{hashlib.blake2b(address(workspace).encode(), digest_size=DIGEST_BYTES).hexdigest()}"


def address(workspace: Workspace) -> str:
    """One text for each workspace: the full path of a folder, or the URL without a slash at its end."""
    return workspace.root if workspace.is_local else workspace.url.rstrip("/")


def step_markdown(workspace: Workspace, step: str, seconds: float) -> str:
    """Rows and files in the step's manifest, and the items that it dropped, by reason."""
    entries = workspace.entries(step)
    rows: Counter[str] = Counter()
    for entry in entries:
        rows.update({name: part.rows for name, part in entry.tables.items() if name != "dropped"})
    files = [workspace.path(part.path) for entry in entries for part in entry.files.values()]
    lines = [f"Shards in the manifest: {len(entries):,}. This run took {seconds:,.1f} s.", ""]
    lines += _table(["table", "rows"], [[name, f"{count:,}"] for name, count in sorted(rows.items())])
    lines += [f"- wrote {markdown(path)}" for path in files]
    reasons = _dropped_reasons(workspace, step)
    counts = [[reason, f"{count:,}"] for reason, count in reasons.most_common(MAX_REASONS)]
    return "\n".join([*lines, *(["", *_table(["dropped for", "items"], counts)] if counts else [])])


def evaluation_markdown(workspace: Workspace) -> str:
    """Every model's metrics over all images of a set: one row for each metric and truth, one column for each model."""
    results = workspace.read("evaluation")
    results = results[results["subset"].isin(["all", "reviewed"]) & (results["n"] > 0)]
    results = results[~results["metric"].str.startswith("rank_")]
    cells: dict[MetricKey, dict[str, str]] = {}
    min_n: dict[MetricKey, int] = {}
    for row in results.to_dict("records"):
        key = (row["set"], row["metric"], row["subset"], row["truth"])
        cells.setdefault(key, {})[row["model"]] = f"{row['value']:.1%} ({row['low']:.1%} to {row['high']:.1%})"
        min_n[key] = min(min_n.get(key, row["n"]), row["n"])
    models = sorted(results["model"].unique())
    rows = [
        [*key, f"{min_n[key]:,}", *(cells[key].get(model, "") for model in models)]
        for key in sorted(cells, key=_paper_order)
    ]
    sources = sorted({source for source in results["sources"] if source})
    votes = [f"\nVotes behind the reviewed rows: {', '.join(map(markdown, sources))}."] if sources else []
    return "\n".join([*_table(["set", "metric", "subset", "truth", "n", *models], rows), *votes])


def _paper_order(key: MetricKey) -> tuple[int, MetricKey]:
    """Sets in the order of the paper's tables."""
    sets = (PHOTOGRAPHS, *VARIANTS)
    return (sets.index(key[0]) if key[0] in sets else len(sets)), key


def review_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The progress of a review, from rows of `reground.annotations.review.status_cells`."""
    if not rows:
        return "No questions yet."
    return "\n".join(_table(list(rows[0]), [list(row.values()) for row in rows]))


HEADLINES: Final[dict[str, Callable[[Workspace], str]]] = {"variants": contact_sheet, "evaluate": evaluation_markdown}
"""Step -> headline of its artifact, above the counts."""


def _dropped_reasons(workspace: Workspace, step: str) -> Counter[str]:
    reasons: Counter[str] = Counter()
    for entry, part in workspace.parts("dropped"):
        if entry.step == step:
            for (_, reason), rows in part.counts:
                reasons[reason] += rows
    return reasons


def _table(head: list[Any], rows: list[list[Any]]) -> list[str]:
    if not rows:
        return []
    lines = [[markdown(str(cell)) for cell in line] for line in (head, *rows)]
    return ["| " + " | ".join(line) + " |" for line in (lines[0], ["---"] * len(head), *lines[1:])]
