"""Sameness: does somebody answer everything the same, and how likely would that be by chance?

Two patterns. The same answer to every pair: the chance is the product of the shares of the others who
gave it. The same places on every screen (always the first option): options stand in an order drawn for
each task, so that the chance of t ticks among n options to repeat is 1 / C(n, t), whatever is true.
"""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pandas as pd

from reground.annotations.rounds.asked import CLASSIFY, CONTAINS

ANSWER = ["question", "image_id", "class_idx"]


def sameness(votes: pd.DataFrame, submissions: pd.DataFrame) -> dict[str, dict[str, float]]:
    """annotator_id -> what they do alike everywhere, in words -> the chance of it, 0 to 1.

    Args:
        votes: rows of ``votes``: answers to CONTAINS and CLASSIFY.
        submissions: rows of ``submissions``, of the same people.
    """
    found: dict[str, dict[str, float]] = defaultdict(dict)
    _same_answers(votes[votes["question"].isin((CONTAINS, CLASSIFY))], found)
    _same_places(submissions, found)
    return found


def _same_answers(votes: pd.DataFrame, found: dict[str, dict[str, float]]) -> None:
    if votes.empty:
        return
    pair = votes.groupby(ANSWER)["answer"].transform("size")
    like = votes.groupby([*ANSWER, "answer"])["answer"].transform("size")
    of_kind = votes.groupby(["question", "answer"])["answer"].transform("size")
    usual = of_kind / votes.groupby("question")["answer"].transform("size")
    share = (like - 1 + usual) / pair  # of the others, and one who answers as is usual
    people = votes.assign(log=np.log(share)).groupby(["annotator_id", "question"])
    for (annotator_id, question), person in people:
        if person["answer"].nunique() == 1:
            what = f"says {person['answer'].iloc[0]} to all {len(person)} labels in {question}"
            found[str(annotator_id)][what] = math.exp(max(-700.0, float(person["log"].sum())))


def _same_places(submissions: pd.DataFrame, found: dict[str, dict[str, float]]) -> None:
    for (annotator_id, question), person in submissions.groupby(["annotator_id", "question"]):
        ticked = {tuple(places) for places in person["ticked"]}
        if len(ticked) != 1 or len(person) < 2 or not (places := ticked.pop()):
            continue
        repeats = person["options"].tolist()[1:]
        log = -sum(math.log(math.comb(options, len(places))) for options in repeats)
        numbers = ", ".join(str(place + 1) for place in places)
        what = f"ticks the same places ({numbers}) on all {len(person)} screens of {question}"
        found[str(annotator_id)][what] = math.exp(max(-700.0, log))
