"""Scoring: all that is known of the annotators in Label Studio -> rows of ``annotators``.

Reads ``votes``, ``control_answers``, ``submissions``, ``gold`` and ``users``.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from reground.annotations.collect.exclusion import apply_rule
from reground.annotations.collect.straightlining import straightlining_patterns
from reground.annotations.rounds import ExclusionRule, read_gold, read_users
from reground.tasks.schema import AnnotatorRow
from reground.tasks.votes import LABEL_STUDIO, RECORDED, annotator_rows
from reground.tasks.workspace import Workspace

COLUMNS: Final = ["annotator_id", "image_id", "class_idx", "answer"]


def score_annotators(workspace: Workspace, rule: ExclusionRule) -> list[AnnotatorRow]:
    """A row of ``annotators`` for each person who answered in Label Studio, with the rule applied."""
    votes = workspace.read("votes")
    votes = votes[votes["source"].isin((LABEL_STUDIO, RECORDED))]
    patterns = straightlining_patterns(votes, workspace.read("submissions"))
    users = read_users(workspace)
    rows = annotator_rows(votes, gold_counts(workspace, votes), rule.min_seconds)
    for row in rows:
        if user := users.row_of(row["annotator_id"]):
            row["address"], row["name"] = user["address"], user["name"]
    return apply_rule(rows, patterns, rule)


def gold_counts(workspace: Workspace, votes: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """annotator_id -> correct answers on gold and control images, and all answers on these."""
    gold = read_gold(workspace)
    pairs = pd.MultiIndex.from_frame(votes[["image_id", "class_idx"]]) if gold else None
    on_gold = votes.loc[[] if pairs is None else pairs.isin(list(gold)), COLUMNS]
    expected = [
        gold[image_id, label] for image_id, label in zip(on_gold["image_id"], on_gold["class_idx"], strict=True)
    ]
    on_controls = workspace.read("control_answers", [*COLUMNS, "expected"])
    answers = pd.concat([on_gold.assign(expected=expected), on_controls])
    answers = answers.assign(correct=answers["answer"] == answers["expected"])
    counts = answers.groupby("annotator_id")["correct"].agg(["sum", "size"])
    return {str(name): (int(row["sum"]), int(row["size"])) for name, row in counts.iterrows()}
