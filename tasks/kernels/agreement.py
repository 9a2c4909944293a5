"""Inter-annotator agreement: Krippendorff's alpha, and mean pairwise agreement.

Sources: Krippendorff 2004, Content Analysis, chapter 11 (nominal data, answers missing at will).
Both need only how often each answer was given on each question, never who gave it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Agreement(NamedTuple):
    """How far answers agree.

    Attributes:
        alpha: 1: always; 0: as by chance; below: less than that. NaN: no question has two
            answers, or only one kind of answer was ever given.
        pairwise: share of equal answers among all pairs of answers on one question, the mean of
            questions; NaN as alpha, but 1 where there is one kind of answer.
        questions: that had two answers or more.
        answers: on these.
    """

    alpha: float
    pairwise: float
    questions: int
    answers: int


def agreement(counts: npt.NDArray[np.int64]) -> Agreement:
    """Agreement on nominal answers.

    Args:
        counts: ``(questions, answers) int64``, how often each answer was given.

    Examples:
        >>> result = agreement(np.array([[3, 0], [0, 3], [2, 1]]))
        >>> round(result.alpha, 3), round(result.pairwise, 3)
        (0.6, 0.778)
    """
    number = counts.sum(1)
    ratings = counts[number >= 2].astype(np.float64)
    per_question = ratings.sum(1)
    if not len(ratings):
        return Agreement(np.nan, np.nan, 0, 0)
    disagreement = (per_question**2 - (ratings**2).sum(1)) / (per_question - 1)
    per_answer, total = ratings.sum(0), ratings.sum()
    chance = (total**2 - (per_answer**2).sum()) / (total - 1)
    return Agreement(
        alpha=float(1 - disagreement.sum() / chance) if chance > 0 else np.nan,
        pairwise=float((1 - disagreement / per_question).sum() / len(ratings)),
        questions=len(ratings),
        answers=int(total),
    )
