"""Straightlining: does an annotator answer everything alike, and how likely is that by chance?

Two patterns. The same answer to every pair: the probability is the product of the shares of the other annotators
who gave it. The same positions in every task (always the first option): options are in random order, so that the
probability that t ticks among n options are repeated is 1 / C(n, t), whatever the truth.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from reground.tasks.votes import CLASSIFY, CONTAINS

PAIR: Final = ["question", "image_id", "class_idx"]
MIN_LOG: Final = -700.0
"""exp underflows below."""


def straightlining_patterns(votes: pd.DataFrame, submissions: pd.DataFrame) -> dict[str, dict[str, float]]:
    """annotator_id -> pattern in words -> its probability by chance, 0 to 1.

    Args:
        votes: rows of ``votes``: answers to CONTAINS and CLASSIFY.
        submissions: rows of ``submissions``, of the same annotators.

    Examples:
        >>> submission = {"annotator_id": "x:ann", "question": "contains", "ticked": [0], "options": 10}
        >>> patterns = straightlining_patterns(pd.DataFrame({"question": []}), pd.DataFrame([submission] * 3))
        >>> [(pattern, round(chance, 6)) for pattern, chance in patterns["x:ann"].items()]
        [('ticks the same positions (1) in all 3 tasks of contains', 0.01)]
    """
    patterns: dict[str, dict[str, float]] = defaultdict(dict)
    answers = votes[votes["question"].isin((CONTAINS, CLASSIFY))]
    for annotator_id, pattern, log_probability in (*_same_answers(answers), *_same_positions(submissions)):
        patterns[annotator_id][pattern] = math.exp(max(MIN_LOG, log_probability))
    return dict(patterns)


def _same_answers(votes: pd.DataFrame) -> Iterator[tuple[str, str, float]]:
    """Annotator, pattern, log probability."""
    if votes.empty:
        return
    votes_on_pair = votes.groupby(PAIR)["answer"].transform("size")
    votes_alike = votes.groupby([*PAIR, "answer"])["answer"].transform("size")
    answer_count = votes.groupby(["question", "answer"])["answer"].transform("size")
    base_rate = answer_count / votes.groupby("question")["answer"].transform("size")
    share = (votes_alike - 1 + base_rate) / votes_on_pair  # of the others, and one more who answers at the base rate
    groups = votes.assign(log=np.log(share)).groupby(["annotator_id", "question"])
    for (annotator_id, question), group in groups:
        if group["answer"].nunique() == 1:
            pattern = f"answers {group['answer'].iloc[0]} to all {len(group)} labels of {question}"
            yield str(annotator_id), pattern, float(group["log"].sum())


def _same_positions(submissions: pd.DataFrame) -> Iterator[tuple[str, str, float]]:
    """Annotator, pattern, log probability."""
    for (annotator_id, question), group in submissions.groupby(["annotator_id", "question"]):
        distinct = {tuple(positions) for positions in group["ticked"]}
        if len(distinct) != 1 or len(group) < 2 or not (positions := distinct.pop()):
            continue
        repeats = group["options"].tolist()[1:]
        log_probability = -sum(math.log(math.comb(options, len(positions))) for options in repeats)
        numbers = ", ".join(str(position + 1) for position in positions)
        pattern = f"ticks the same positions ({numbers}) in all {len(group)} tasks of {question}"
        yield str(annotator_id), pattern, log_probability
