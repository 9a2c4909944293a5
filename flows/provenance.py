"""Provenance: where votes, known answers, published labels and predictions come from, and how many of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reground.annotations.published import vote_sources
from reground.annotations.references import references
from reground.annotations.rounds import gold_sources
from reground.tasks.predictions import imported_models
from reground.tasks.workspace import Workspace


@dataclass(frozen=True)
class Origin:
    """Rows that come from one source.

    Attributes:
        kind: "votes", "gold", "labels" (of a reference truth), "predictions" or "features".
        name: of the source, the reference truth or the model.
        rows: number of rows.
        imported: whether an import brought them, so that ``remove`` takes them out.
    """

    kind: str
    name: str
    rows: int
    imported: bool

    def __str__(self) -> str:
        origin = "imported" if self.imported else "made here"
        return f"{self.kind} of {self.name}: {self.rows:,} ({origin})"


def origins(workspace: Workspace) -> Iterator[Origin]:
    """The sources of votes, of known answers, of published labels, predictions and features, each by name."""
    for source in vote_sources(workspace):
        yield Origin("votes", source.name, source.votes, bool(source.import_name))
    for name, pairs in gold_sources(workspace).items():
        yield Origin("gold", name, pairs, True)
    for row in references(workspace):
        yield Origin("labels", row["name"], row["labels"], True)
    imports = imported_models(workspace)
    for table in workspace.tables():
        family, _, model = table.partition("/")
        if family in ("predictions", "features"):
            rows = sum(part.rows for _, part in workspace.parts(table))
            yield Origin(family, model, rows, model in imports)
