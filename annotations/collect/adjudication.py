"""Adjudication: all answers of curators -> ``decisions``, one a pair of image and label.

Of two curators who contradict each other the later one stands, and the other is named in ``dropped``. The votes on
a pair are counted beside its decision, and stay as they are.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from reground.annotations.collect.parse import STAGE
from reground.annotations.label_studio import task_url
from reground.annotations.rounds import UserDirectory
from reground.tasks.schema import ClassIdx, DecisionAnswerRow, DecisionRow, DropReason, ImageId, dropped_row
from reground.tasks.votes import NO, YES, VotePolicy, read_votes
from reground.tasks.workspace import Output, Workspace, digest

SHARD: Final = "decisions"
Pair = tuple[ImageId, ClassIdx]


@dataclass(frozen=True)
class OverruledAnswer:
    """An answer of a curator that a later one contradicts, and both in words."""

    answer: DecisionAnswerRow
    detail: str


def update_decisions(workspace: Workspace, users: UserDirectory, url: str, policy: VotePolicy) -> int:
    """Commit ``decisions`` if any changed. Returns how many there are.

    Args:
        workspace: with votes and answers of curators.
        users: who gave them.
        url: of Label Studio.
        policy: which votes count.
    """
    answers: list[DecisionAnswerRow] = workspace.read_arrow("decision_answers").to_pylist()
    decisions, overruled = adjudicate(answers, count_votes(workspace, policy, answers), users, url)
    dropped = [
        dropped_row(STAGE, one.answer["answer_id"], DropReason.DECISION_OVERRULED, one.detail) for one in overruled
    ]
    key = digest(json.dumps([decisions, dropped], sort_keys=True))
    current = workspace.entry(STAGE, SHARD)
    if (decisions or current) and (current is None or current.key != key):
        workspace.commit(STAGE, SHARD, key, Output({"decisions": decisions, "dropped": dropped}))
    return len(decisions)


def count_votes(
    workspace: Workspace, policy: VotePolicy, answers: Sequence[DecisionAnswerRow]
) -> Mapping[Pair, Counter[str]]:
    """Pair -> answer -> number of votes that count, those on known answers too: they were overruled as well."""
    counts: dict[Pair, Counter[str]] = defaultdict(Counter)
    if answers:
        votes = read_votes(workspace, replace(policy, count_gold=True), ("image_id", "class_idx", "answer"))
        image_ids = pa.array(sorted({row["image_id"] for row in answers}), pa.string())
        for row in votes.filter(pc.field("image_id").isin(image_ids)).to_pylist():
            counts[row["image_id"], row["class_idx"]][row["answer"]] += 1
    return counts


def adjudicate(
    answers: Sequence[DecisionAnswerRow], votes: Mapping[Pair, Mapping[str, int]], users: UserDirectory, url: str
) -> tuple[list[DecisionRow], list[OverruledAnswer]]:
    """The decision on each pair, and the answers that a later one contradicts.

    Args:
        answers: of all curators.
        votes: pair -> answer -> number of votes.
        users: who the curators are.
        url: of Label Studio.
    """
    by_pair: dict[Pair, list[DecisionAnswerRow]] = defaultdict(list)
    for row in sorted(answers, key=lambda row: (row["image_id"], row["class_idx"], row["at"], row["answer_id"])):
        by_pair[row["image_id"], row["class_idx"]].append(row)
    decisions = [_decision(rows[-1], votes.get(pair, {}), url) for pair, rows in by_pair.items()]
    overruled = [
        _overruled(row, rows[-1], users)
        for rows in by_pair.values()
        for row in rows
        if row["answer"] != rows[-1]["answer"]
    ]
    return decisions, overruled


def _decision(row: DecisionAnswerRow, votes: Mapping[str, int], url: str) -> DecisionRow:
    return {
        "image_id": row["image_id"],
        "class_idx": row["class_idx"],
        "answer": row["answer"],
        "annotator_id": row["annotator_id"],
        "at": row["at"],
        "comment": row["comment"],
        "yes_votes": votes.get(YES, 0),
        "no_votes": votes.get(NO, 0),
        "link": task_url(url, row["project_id"], row["task_id"], row["answer_id"]),
        "key": row["key"],
        "answer_id": row["answer_id"],
    }


def _overruled(row: DecisionAnswerRow, last: DecisionAnswerRow, users: UserDirectory) -> OverruledAnswer:
    first, second = (f"{users.title_of(one['annotator_id'])} says {one['answer']} ({one['at']})" for one in (row, last))
    detail = f"{row['image_id']}, label {row['class_idx']}: {first}, {second}: the later one stands"
    return OverruledAnswer(row, detail)
