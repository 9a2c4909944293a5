"""Scoring: everything the workspace knows of the people it asked -> rows of ``annotators``.

Reads ``votes``, ``control_answers``, ``submissions`` and ``gold``.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from reground.annotations.collect.annotators import annotators
from reground.annotations.collect.exclusion import Rule
from reground.annotations.collect.parse import RECORDED, SOURCE
from reground.annotations.collect.straightlining import sameness
from reground.annotations.rounds.controls import gold
from reground.tasks.workspace import Workspace

ANSWER = ["annotator_id", "image_id", "class_idx", "answer"]


def score(workspace: Workspace, rule: Rule) -> list[dict[str, Any]]:
    """A row of ``annotators`` for each person who answered in Label Studio, by the rule."""
    votes = workspace.read("votes")
    votes = votes[votes["source"].isin((SOURCE, RECORDED))]
    return annotators(votes, known_right(workspace, votes), sameness(votes, workspace.read("submissions")), rule)


def known_right(workspace: Workspace, votes: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """annotator_id -> answers on gold and on control images that are right, and all of these."""
    known = gold(workspace)
    pairs = pd.MultiIndex.from_frame(votes[["image_id", "class_idx"]])
    on_gold = votes.loc[pairs.isin(list(known)), ANSWER] if known else votes.loc[[], ANSWER]
    expected = [
        known[image_id, label] for image_id, label in zip(on_gold["image_id"], on_gold["class_idx"], strict=True)
    ]
    both = pd.concat([on_gold.assign(expected=expected), workspace.read("control_answers", [*ANSWER, "expected"])])
    both = both.assign(right=both["answer"] == both["expected"])
    people = both.groupby("annotator_id")["right"].agg(["sum", "size"])
    return {str(name): (int(row["sum"]), int(row["size"])) for name, row in people.iterrows()}
