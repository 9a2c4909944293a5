"""Dawid-Skene: true states of items from the answers of annotators, each with a confusion matrix.

Source: Dawid & Skene 1979, Maximum Likelihood Estimation of Observer Error-Rates Using the EM
Algorithm, https://doi.org/10.2307/2346806. States and answers may differ in number: two states
(holds, does not) and three answers (yes, maybe, no) in the labels of Beyer et al. 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse  # pyright: ignore[reportMissingTypeStubs]

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.integer[Any]]

MIN_COUNT: Final = 1e-10
"""Expected counts are taken as at least this: with no smoothing one may be 0, and its logarithm is needed."""


@dataclass(frozen=True)
class Votes:
    """V votes, each by its indices.

    Attributes:
        item: ``(V,) int``, which of N things, 0 to N - 1.
        annotator: ``(V,) int``, whose confusion matrix holds, 0 to A - 1.
        answer: ``(V,) int``, 0 to K - 1.
    """

    item: Indices
    annotator: Indices
    answer: Indices


@dataclass(frozen=True)
class DawidSkeneEstimate:
    """The fitted model.

    Attributes:
        posterior: ``(N, S) float64``, probability of each state of each thing; rows sum to 1.
        confusion: ``(A, S, K) float64``, probability of each answer in each state; sums to 1 over answers.
        prior: ``(G, S) float64``, probability of each state in each group; rows sum to 1.
        objective: log posterior density of the parameters, up to a constant, after each iteration; never falls.
        converged: whether it rose less than the tolerance in the end.
    """

    posterior: Floats
    confusion: Floats
    prior: Floats
    objective: list[float]
    converged: bool


def dawid_skene(
    votes: Votes,
    start: Floats,
    groups: Indices | None = None,
    smoothing: float = 1.0,
    tolerance: float = 1e-9,
    iterations: int = 2000,
) -> DawidSkeneEstimate:
    """Fit by expectation maximisation, to a (local) maximum of the posterior density.

    Args:
        votes: at least one.
        start: ``(N, S) float64``, first guess of the posterior, rows summing to 1; tells the
            states apart. Vote shares will do.
        groups: ``(N,) int``, things of one group share a prior; None: all do.
        smoothing: votes added to every cell of every confusion matrix, and things added to every
            state of every group: the pseudo-counts of Dirichlet priors. 0: maximum likelihood.
        tolerance: stop once the objective rises by less than this for each vote.
        iterations: stop after so many anyway.

    Raises:
        ValueError: no votes.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> holds = rng.random(200) < 0.4  # 200 pairs of an image and a label
        >>> item, annotator = np.repeat(np.arange(200), 5), np.tile(np.arange(5), 200)
        >>> correct = rng.random(1000) < np.array([0.95, 0.9, 0.9, 0.5, 0.5])[annotator]  # two annotators guess
        >>> answer = (holds[item] == correct).astype(np.int64)
        >>> yes = answer.reshape(200, 5).mean(axis=1)
        >>> float(np.mean((yes > 0.5) == holds))  # accuracy of the majority
        0.95
        >>> estimate = dawid_skene(Votes(item, annotator, answer), start=np.stack([1 - yes, yes], axis=1))
        >>> float(np.mean((estimate.posterior[:, 1] > 0.5) == holds))
        0.98
        >>> estimate.confusion[:, 1, 1].round(2).tolist()  # how often each says yes where the label holds
        [0.91, 0.86, 0.88, 0.51, 0.45]
    """
    if not len(votes.item):
        raise ValueError("expected at least one vote")
    counts = _count(votes, len(start))
    counts_by_column: Any = counts.T.tocsr()
    group = np.zeros(len(start), np.int64) if groups is None else groups
    shape = (int(votes.annotator.max()) + 1, int(votes.answer.max()) + 1)
    min_gain = tolerance * len(votes.item)
    posterior, objective = start, [-np.inf]
    while True:
        confusion = _confusion(counts_by_column @ posterior, shape, smoothing)
        prior = _prior(posterior, group, smoothing)
        log_confusion, log_prior = np.log(confusion), np.log(prior)
        posterior, likelihood = _expect(counts, log_confusion, log_prior[group])
        objective.append(likelihood + smoothing * float(log_confusion.sum() + log_prior.sum()))
        has_converged = objective[-1] - objective[-2] < min_gain
        if has_converged or len(objective) > iterations:
            return DawidSkeneEstimate(posterior, confusion, prior, objective[1:], has_converged)


def _count(votes: Votes, items: int) -> Any:
    """``(N, A * K)``: how often each annotator gave each answer on each thing."""
    answers = int(votes.answer.max()) + 1
    columns = votes.annotator.astype(np.int64) * answers + votes.answer
    width = (int(votes.annotator.max()) + 1) * answers
    return sparse.csr_matrix((np.ones(len(columns)), (votes.item, columns)), shape=(items, width))


def _confusion(expected: Floats, shape: tuple[int, int], smoothing: float) -> Floats:
    annotators, answers = shape
    cells = np.maximum(expected.reshape(annotators, answers, -1).transpose(0, 2, 1) + smoothing, MIN_COUNT)
    return cells / cells.sum(axis=2, keepdims=True)


def _prior(posterior: Floats, groups: Indices, smoothing: float) -> Floats:
    sums = np.stack([np.bincount(groups, weights=column) for column in posterior.T], axis=1) + smoothing
    sums = np.maximum(sums, MIN_COUNT)
    return sums / sums.sum(axis=1, keepdims=True)


def _expect(counts: Any, confusion: Floats, prior: Floats) -> tuple[Floats, float]:
    """The posterior and the log likelihood, given logarithms."""
    states = confusion.shape[1]
    joint: Floats = counts @ confusion.transpose(0, 2, 1).reshape(-1, states) + prior
    maximum = joint.max(axis=1, keepdims=True)
    weights = np.exp(joint - maximum)
    total = weights.sum(axis=1, keepdims=True)
    return weights / total, float((np.log(total) + maximum).sum())
