"""Lineage: where each label that people were asked about comes from: votes, or the decision of a curator.

Reads ``votes`` and ``decisions`` besides what is exported. Curators appear under their annotator_id, not their address.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from reground.tasks.export.dataset import Dataset
from reground.tasks.schema import DecisionRow
from reground.tasks.votes import MAYBE, NO, YES

FILE: Final = "lineage.csv"
"""Of every export of the truth: one row a label that people were asked about."""
COLUMNS: Final = (
    "image_id",
    "class_idx",
    "label",
    "answer",
    "origin",
    "confidence",
    "yes_votes",
    "no_votes",
    "maybe_votes",
    "curator",
    "decided_at",
    "comment",
    "answer_id",
)
UNDECIDED: Final = "undecided"
VOTES, DECISION = "votes", "decision"
"""Origins of an answer."""

Pair = tuple[str, int]


@dataclass(frozen=True)
class DecisionCounts:
    """Numbers of decided labels in the truth.

    Attributes:
        labels: decided labels.
        images: with one at least.
        curators: who decided them.
        against: most votes say the opposite.
        ties: as many votes say yes as no.
        unknown: decided in the truth, and no longer so in ``decisions``.
    """

    labels: int
    images: int
    curators: int
    against: int
    ties: int
    unknown: int


def decisions(data: Dataset) -> dict[Pair, DecisionRow]:
    """Pair of image and label -> its decision, as it stands now."""
    rows: list[DecisionRow] = data.workspace.read_arrow("decisions").to_pylist()
    return {(row["image_id"], row["class_idx"]): row for row in rows}


def count_decisions(truth: pa.Table, rows: Mapping[Pair, DecisionRow]) -> DecisionCounts:
    """The decisions behind a truth.

    Args:
        truth: the columns ``image_id``, ``decided``, ``judged`` and ``confidence``.
        rows: as `decisions` gives them.
    """
    decided = list(_decided(truth))
    known = [rows[image_id, label] for image_id, label, answer in decided if _is_same(rows, image_id, label, answer)]
    margins = [(row["yes_votes"] - row["no_votes"]) * (1 if row["answer"] == YES else -1) for row in known]
    has_votes = [row["yes_votes"] + row["no_votes"] > 0 for row in known]
    return DecisionCounts(
        labels=len(decided),
        images=len({image_id for image_id, _, _ in decided}),
        curators=len({row["annotator_id"] for row in known}),
        against=sum(margin < 0 for margin in margins),
        ties=sum(margin == 0 and voted for margin, voted in zip(margins, has_votes, strict=True)),
        unknown=len(decided) - len(known),
    )


def lineage(data: Dataset) -> Iterator[tuple[Any, ...]]:
    """Rows with the columns `COLUMNS`, by image and label, of the images in an export."""
    votes, rows = _vote_counts(data), decisions(data)
    names = ("image_id", "judged", "confidence", "undecided", "decided")
    cells = (data.truth[name].to_pylist() for name in names)
    for image_id, judged, confidences, undecided, decided in zip(*cells, strict=True):
        for label, confidence in sorted(zip(judged, confidences, strict=True)):
            is_decided = label in decided
            answer = UNDECIDED if label in undecided else _answer(confidence, is_decided, data.policy.keep)
            row = rows.get((image_id, label)) if is_decided else None
            counts = votes.get((image_id, label), {})
            yield (
                image_id,
                label,
                data.names.get(label, ""),
                answer,
                DECISION if is_decided else VOTES,
                f"{confidence:.6g}",
                *(counts.get(name, 0) for name in (YES, NO, MAYBE)),
                *(_decision_cells(row) if row and row["answer"] == answer else [""] * 4),
            )


def _decision_cells(row: DecisionRow) -> list[str]:
    return [row["annotator_id"], row["at"], row["comment"] or "", row["answer_id"]]


def _answer(confidence: float, is_decided: bool, keep: float) -> str:
    return YES if (confidence == 1 if is_decided else confidence >= keep) else NO


def _decided(truth: pa.Table) -> Iterator[tuple[str, int, str]]:
    """Image, label and answer of each decided label."""
    cells = (truth[name].to_pylist() for name in ("image_id", "decided", "judged", "confidence"))
    for image_id, decided, judged, confidence in zip(*cells, strict=True):
        for label in decided:
            yield image_id, label, _answer(confidence[judged.index(label)], True, 0)


def _is_same(rows: Mapping[Pair, DecisionRow], image_id: str, label: int, answer: str) -> bool:
    row = rows.get((image_id, label))
    return row is not None and row["answer"] == answer


def _vote_counts(data: Dataset) -> Mapping[Pair, Mapping[str, int]]:
    """Pair -> answer -> number of votes that count."""
    keys = ["image_id", "class_idx", "answer"]
    counts: dict[Pair, dict[str, int]] = defaultdict(dict)
    groups = data.votes(keys).group_by(keys).aggregate([([], "count_all")])
    cells = (groups[name].to_pylist() for name in (*keys, "count_all"))
    for image_id, label, answer, count in zip(*cells, strict=True):
        counts[image_id, label][answer] = count
    return counts
