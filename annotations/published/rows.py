"""Rows of an import: shards that are built only where needed, and the rows that every format has."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from reground.tasks.errors import UsageError
from reground.tasks.schema import (
    ClassIdx,
    DroppedRow,
    DropReason,
    ImageId,
    OriginalLabelRow,
    arrow_schema,
    dropped_row,
)
from reground.tasks.votes import ANONYMOUS
from reground.tasks.workspace import Output, digest

STAGE: Final = "votes-import"
SHARD_SEPARATOR: Final = "+"
"""Between the source and the rest of a shard's name; no source has it."""
VOTE_COLUMNS: Final = tuple(arrow_schema("votes").names)


@dataclass(frozen=True)
class ImportShard:
    """A shard of an import, built only if the workspace lacks it.

    Attributes:
        name: unique within the source, usable as a file name.
        digest: of all its inputs.
        build: returns its rows of ``votes``, ``original_labels`` and ``dropped``.
    """

    name: str
    digest: str
    build: Callable[[], Output]


@dataclass
class RowBuilder:
    """Builds the rows of one shard."""

    source: str
    wnids: Sequence[str]
    votes: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in VOTE_COLUMNS})
    originals: list[OriginalLabelRow] = field(default_factory=list[OriginalLabelRow])
    dropped: list[DroppedRow] = field(default_factory=list[DroppedRow])
    unknown_classes: Counter[int] = field(default_factory=Counter[int])
    """ImageNet's class index -> votes on this class, which the workspace lacks."""

    def add_vote(
        self,
        *,
        question: str,
        image_id: str,
        class_idx: int,
        annotator_id: str,
        answer: str,
        answer_id: str,
        main: bool = False,
        num_objects: int | None = None,
        seconds: float | None = None,
        at: str | None = None,
    ) -> None:
        """Add a row of ``votes``: one collected elsewhere, in round 0."""
        row: dict[str, Any] = {
            "round": 0,
            "question": question,
            "image_id": image_id,
            "class_idx": class_idx,
            "annotator_id": annotator_id,
            "answer": answer,
            "main": main,
            "num_objects": num_objects,
            "seconds": seconds,
            "at": at,
            "source": self.source,
            "answer_id": answer_id,
        }
        for name, column in self.votes.items():
            column.append(row[name])

    def add_original(self, image_id: str, class_idx: int | None, routing: str | None = None) -> None:
        self.originals.append(original_row(self.source, image_id, class_idx, routing))

    def drop(self, item: str, reason: DropReason, detail: str) -> None:
        self.dropped.append(dropped_row(STAGE, item, reason, detail))

    def take_votes(self) -> pa.Table:
        """The rows of ``votes``; the builder keeps none, so that they are not in memory twice."""
        schema = arrow_schema("votes")
        return pa.table([pa.array(self._take(field.name), field.type) for field in schema], schema=schema)

    def _take(self, name: str) -> list[Any]:
        cells, self.votes[name] = self.votes[name], []
        return cells

    def output(self) -> Output:
        dropped_rows = [*self.dropped, *unknown_class_rows(self.source, self.wnids, self.unknown_classes)]
        return Output({"votes": self.take_votes(), "original_labels": self.originals, "dropped": dropped_rows})


def shard_prefix(source: str) -> str:
    """How the names of a source's shards begin."""
    return f"{source}{SHARD_SEPARATOR}"


def original_row(source: str, image_id: str, class_idx: int | None, routing: str | None = None) -> OriginalLabelRow:
    """A row of ``original_labels``; a ``class_idx`` of -1 means a class that the workspace lacks, and becomes null."""
    label = None if class_idx is None or class_idx < 0 else ClassIdx(int(class_idx))
    return {"image_id": ImageId(image_id), "class_idx": label, "routing": routing, "source": source}


def unknown_class_rows(source: str, wnids: Sequence[str], counts: Mapping[int, int]) -> list[DroppedRow]:
    """Rows of ``dropped`` for votes on ImageNet classes that the workspace lacks, one for each class."""
    return [
        dropped_row(
            STAGE,
            f"{source}: {wnids[idx]}",
            DropReason.LABEL_UNKNOWN,
            f"{count:,} votes on a class that the workspace lacks",
        )
        for idx, count in sorted(counts.items())
    ]


def digest_files(*paths: Path) -> str:
    """A digest of the content of files.

    Raises:
        UsageError: a file cannot be read.
    """
    return digest(*(_sha256(path) for path in paths))


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"expected a readable file at {path}: {error.strerror or error}.") from error


def anonymous_id(source: str, name: str) -> str:
    """The annotator_id of an anonymous annotator."""
    return f"{source}{ANONYMOUS}-{name}"
