"""What votes and models' scores together say of labels, to choose which one to ask about next.

Empirical Bayes (Robbins 1956; Efron 2010, Large-Scale Inference, chapter 1): labels of like score in one stratum share
a prior, the mean of what votes say of them, and the votes' own likelihood stays. The mean is not iterated (EM): while
labels have one or two votes the likelihood is rough, and iterations would add its errors up.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BINS: Final = 10
"""Bins of equal mass of the scores in a stratum."""
PSEUDO_COUNT: Final = 10.0
"""Labels by which the prior of a stratum outweighs that of a bin with few."""
LEAST: Final = 1e-12


def holds_given_scores(
    holds: Floats, has_votes: npt.NDArray[np.bool_], prior: Floats, strata: Ints, scores: Floats
) -> Floats:
    """``(N,)`` probability that each label holds, given its votes and its score.

    Args:
        holds: ``(N,)`` probability that each label holds by votes alone, made with ``prior``; where there are none,
            the prior.
        has_votes: ``(N,)`` labels that somebody was asked about; the others learn from these.
        prior: ``(G,)`` probability that a label of each stratum holds before any vote.
        strata: ``(N,)`` stratum of each label.
        scores: ``(N,)`` of each label, higher is more likely to hold; NaN: unknown, which is a bin of its own.

    Examples:
        Two labels nobody was asked about: of those with votes, labels of a high score hold and others do not.

        >>> holds = np.array([0.9] * 50 + [0.1] * 50 + [0.5, 0.5])
        >>> scores = np.array([0.8] * 50 + [0.1] * 50 + [0.8, 0.1])
        >>> has_votes = np.array([True] * 100 + [False] * 2)
        >>> holds_given_scores(holds, has_votes, np.array([0.5]), np.zeros(102, int), scores)[-2:].round(2).tolist()
        [0.83, 0.17]
    """
    before = np.clip(prior[strata], LEAST, 1 - LEAST)
    sure = np.clip(holds, LEAST, 1 - LEAST)
    ratio = np.where(has_votes, sure / (1 - sure) * (1 - before) / before, 1.0)
    groups = _groups(strata, scores)
    voted = groups[has_votes]
    counts = np.bincount(voted, minlength=groups.max(initial=0) + 1)
    sums = np.bincount(voted, holds[has_votes], minlength=len(counts))
    own = (sums[groups] + PSEUDO_COUNT * before) / (counts[groups] + PSEUDO_COUNT)
    own = np.clip(own, LEAST, 1 - LEAST)
    return own * ratio / (own * ratio + 1 - own)


def _groups(strata: Ints, scores: Floats) -> Ints:
    """``(N,)`` group of each label: its stratum, and in it the bin of its score."""
    groups = np.full(len(strata), BINS, np.int64)
    for stratum in np.unique(strata).tolist():
        rows = np.flatnonzero((strata == stratum) & ~np.isnan(scores))
        edges = np.unique(np.quantile(scores[rows], np.arange(1, BINS) / BINS)) if len(rows) else np.zeros(0)
        groups[rows] = np.searchsorted(edges, scores[rows], side="right")
    return strata * (BINS + 1) + groups
