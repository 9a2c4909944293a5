"""Duration: how long questions take people, from their own answers where there are enough.

Reads ``votes`` and ``submissions``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reground.annotations.rounds.questions import Question
from reground.annotations.rounds.settings import ReviewSettings
from reground.tasks.votes import CONTAINS
from reground.tasks.workspace import Workspace

MIN_ANSWERS: Final = 20
"""Timed answers from which on they are believed."""


@dataclass(frozen=True)
class Pace:
    """Seconds that one option takes (an image of CONTAINS, a label of CLASSIFY), and where the number is from."""

    seconds: float
    source: str


def measure_pace(workspace: Workspace, kind: str, settings: ReviewSettings) -> Pace:
    """The median over the timed answers to a kind of question; with fewer than `MIN_ANSWERS`, what the settings say."""
    votes = workspace.read("votes", ["answer_id", "question", "seconds"])
    timed = votes[(votes["question"] == kind) & votes["seconds"].gt(0)].drop_duplicates("answer_id")
    answers = timed.merge(workspace.read("submissions", ["answer_id", "options"]), on="answer_id")
    answers = answers[answers["options"] > 0]
    if len(answers) >= MIN_ANSWERS:
        median = float((answers["seconds"] / answers["options"]).median())
        return Pace(median, f"the median of {len(answers):,} answers here")
    if kind == CONTAINS:
        return Pace(settings.seconds_per_image, "the setting review.seconds_per_image")
    return Pace(settings.seconds_per_label, "the setting review.seconds_per_label")


def total_seconds(questions: Sequence[Question], overlap: int, pace: Pace) -> float:
    """How long all people together take, each question answered ``overlap`` times."""
    return pace.seconds * overlap * sum(len(q.image_ids) * len(q.class_idxs) for q in questions)
