"""Joint truth: which labels hold, estimated from the votes on all images together.

Dawid and Skene's model (`reground.tasks.kernels.dawid_skene`, two states) with what its assumptions leave out:

- A prior for each label in each stratum rather than one for all, shrunk to the stratum's, a pair's
  own belief left out (empirical Bayes: Robbins 1956; strata: Beyer et al. 2020's released scores).
- Answers that depend on the label too: a missed "coral reef" is no lapse of one annotator. What is
  answered on a label, over what its annotators answer elsewhere, is a factor of every likelihood
  (question difficulty, as in Whitehill et al. 2009, GLAD; here for labels, which many pairs share).
- Lapses: all that one annotator answers on one image is given with care, or at random (a "spammer"
  in Hovy et al. 2013, MACE; here for one image at a time).
- Votes on one pair are alike for reasons that no model of annotators knows (they all miss the same
  small thing), so evidence counts less than if they were independent: log odds are scaled down
  (temperature scaling, Guo et al. 2017).

Beliefs go to and fro between pairs and lapses until they settle (loopy belief propagation, as in
Liu, Peng & Ihler 2012, Variational Inference for Crowdsourcing), and all rates are estimated from
them on the way. No pair needs an expert's answer. docs/truth.md has what each part is worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from reground.tasks.kernels.dawid_skene import Indices, Votes

Floats = npt.NDArray[np.float64]

MIN_COUNT: Final = 1e-10
"""Stands for votes where there are none."""
MAX_LOG_ODDS: Final = 30.0
"""Log odds are taken as no further from 0: a probability of 1 would have none."""
SUREST_PRIOR: Final = (0.003, 0.99)
SUREST_START: Final = (0.05, 0.95)
"""A first guess is taken as no surer than this, a prior as no surer than that."""


@dataclass(frozen=True)
class Constants:
    """What the model takes as known; docs/truth.md says how each was set and how much hangs on it.

    Attributes:
        smoothing: votes added to each cell of each annotator's confusion matrix (Laplace's rule).
        label_strength: votes that a label's answers must outweigh before they count more than its
            annotators' habits.
        prior_strength: pairs that a label's own share of true pairs must outweigh in the same way.
        lapses: share of an annotator's visits to an image that are taken for careless before any
            vote is looked at.
        temperature: log odds are divided by it in the end; 2.5 is nearest to how often the
            experts of Beyer et al. 2020 agree.
    """

    smoothing: float = 1.0
    label_strength: float = 20.0
    prior_strength: float = 10.0
    lapses: float = 0.05
    temperature: float = 2.5


DEFAULT: Final = Constants()


@dataclass(frozen=True)
class Pairs:
    """N pairs of an image and a label, each by its indices.

    Attributes:
        image: ``(N,) int``, 0 to I - 1.
        label: ``(N,) int``, 0 to C - 1.
        stratum: ``(N,) int``, what is known of the pair before any vote, 0 to G - 1.
    """

    image: Indices
    label: Indices
    stratum: Indices


@dataclass(frozen=True)
class JointEstimate:
    """The fitted joint model.

    Attributes:
        probability: ``(N,) float64`` that each label holds, tempered; higher is surer.
        log_odds: ``(N,) float64``, before.
        prior: ``(N,) float64``, the probability from all other pairs.
        confusion: ``(A, 2, K) float64``, probability of each answer in each state (no, holds).
        label_factor: ``(C, 2, K) float64``, by which answers on a label are likelier than that.
        care: ``(V,) float64``, probability that each vote was given with care.
        iterations: how often beliefs went to and fro.
        converged: whether they settled.
    """

    probability: Floats
    log_odds: Floats
    prior: Floats
    confusion: Floats
    label_factor: Floats
    care: Floats
    iterations: int
    converged: bool


def joint_truth(
    votes: Votes,
    pairs: Pairs,
    start: Floats,
    constants: Constants = DEFAULT,
    tolerance: float = 1e-3,
    iterations: int = 100,
) -> JointEstimate:
    """Fit the joint model to all votes.

    Args:
        votes: at least one; things are pairs.
        pairs: N of them.
        start: ``(N,) float64``, first guess of the probability that each label holds; vote shares will do.
        constants: of the model.
        tolerance: stop once no probability changes by more.
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
        >>> pairs = Pairs(image=np.arange(200), label=np.arange(200) % 10, stratum=np.zeros(200, np.int64))
        >>> estimate = joint_truth(Votes(item, annotator, answer), pairs, start=yes)
        >>> float(np.mean((estimate.probability > 0.5) == holds))
        0.98
        >>> estimate.probability[:4].round(2).tolist(), holds[:4].tolist()
        ([0.05, 0.84, 0.95, 0.96], [False, True, True, True])
    """
    if not len(votes.item):
        raise ValueError("expected at least one vote")
    label, visit, at_random = pairs.label[votes.item], _visits(votes, pairs), _at_random(votes)
    belief = np.clip(start, *SUREST_START)
    message, care = np.zeros(len(label)), np.ones(len(label))
    steps = 0
    while True:
        confusion, factor = _answers(votes, label, belief[votes.item], care, constants)
        likelihood = (confusion[votes.annotator, :, votes.answer] * factor[label, :, votes.answer]).T
        rest_belief = _probability(_log_odds(belief)[votes.item] - message)
        message, care = _weigh(likelihood, at_random, rest_belief, visit, constants.lapses)
        prior = shrunk_rates(belief, pairs, constants.prior_strength)
        log_odds = _log_odds(prior) + np.bincount(votes.item, message, len(belief))
        change = float(np.abs(_probability(log_odds) - belief).max())
        belief, steps = _probability(log_odds), steps + 1
        if change < tolerance or steps >= iterations:
            probability = _probability(log_odds / constants.temperature)
            return JointEstimate(probability, log_odds, prior, confusion, factor, care, steps, change < tolerance)


def shrunk_rates(belief: Floats, pairs: Pairs, strength: float) -> Floats:
    """``(N,)``: how often a pair's label holds in its stratum, the pair left out, shrunk to the stratum's rate.

    Examples:
        >>> pairs = Pairs(image=np.arange(4), label=np.array([0, 0, 0, 1]), stratum=np.zeros(4, np.int64))
        >>> shrunk_rates(np.array([1.0, 1.0, 0.0, 0.0]), pairs, strength=2.0).round(2).tolist()
        [0.44, 0.44, 0.81, 0.62]
    """
    of_stratum = _rate_elsewhere(belief, pairs.stratum, belief.mean(), 1.0)
    cell = pairs.label * (int(pairs.stratum.max()) + 1) + pairs.stratum
    return np.clip(_rate_elsewhere(belief, cell, of_stratum, strength), *SUREST_PRIOR)


def _rate_elsewhere(belief: Floats, group: Indices, towards: Floats | np.float64, strength: float) -> Floats:
    """Mean belief in the rest of each pair's group, and ``strength`` pairs that hold as often as ``towards`` says."""
    total = np.bincount(group, belief)[group] - belief
    count = np.bincount(group)[group] - 1
    return (total + strength * towards) / (count + strength)


def _visits(votes: Votes, pairs: Pairs) -> Indices:
    """``(V,)``: index of the visit (of an annotator to an image) that each vote was given in."""
    code = votes.annotator.astype(np.int64) * (int(pairs.image.max()) + 1) + pairs.image[votes.item]
    return np.unique(code, return_inverse=True)[1]


def _at_random(votes: Votes) -> Floats:
    """``(V,)``: how often each vote's annotator gives that answer, whatever is asked."""
    counts = _tally(votes.annotator, votes.answer, np.ones(len(votes.answer)), int(votes.answer.max()) + 1)
    return ((counts + 1) / (counts + 1).sum(axis=1, keepdims=True))[votes.annotator, votes.answer]


def _answers(votes: Votes, label: Indices, belief: Floats, care: Floats, constants: Constants) -> tuple[Floats, Floats]:
    """Confusion matrices ``(A, 2, K)`` and label factors ``(C, 2, K)``, from votes given with care."""
    answers = int(votes.answer.max()) + 1
    confusions: list[Floats] = []
    factors: list[Floats] = []
    for weight in (care * (1 - belief), care * belief):
        counts = _tally(votes.annotator, votes.answer, weight, answers) + constants.smoothing
        confusion = counts / counts.sum(axis=1, keepdims=True)
        counts = _tally(label, votes.answer, weight, answers)
        columns = [np.bincount(label, weight * confusion[votes.annotator, answer]) for answer in range(answers)]
        expected = np.stack(columns, axis=1)
        habit = constants.label_strength * expected / np.maximum(expected.sum(axis=1, keepdims=True), MIN_COUNT)
        confusions.append(confusion)
        factors.append((counts + habit + MIN_COUNT) / (expected + habit + MIN_COUNT))
    return np.stack(confusions, axis=1), np.stack(factors, axis=1)


def _weigh(
    likelihood: Floats, at_random: Floats, rest_belief: Floats, visit: Indices, lapses: float
) -> tuple[Floats, Floats]:
    """What each vote tells of its pair, as a log likelihood ratio ``(V,)``, and its care ``(V,)``.

    Args:
        likelihood: ``(2, V)`` probability of each vote in each state, given with care.
        at_random: ``(V,)`` the same, given at random.
        rest_belief: ``(V,)`` belief in the pair from all but this vote.
        visit: ``(V,)`` as of `_visits`.
        lapses: as of `Constants`, more than 0.
    """
    careful = np.log(((1 - rest_belief) * likelihood[0] + rest_belief * likelihood[1]) / at_random)
    whole = np.bincount(visit, careful)[visit] + np.log((1 - lapses) / lapses)
    rest = _probability(whole - careful)  # care as the visit's other votes tell it
    no, holds = rest * likelihood + (1 - rest) * at_random
    return np.log(holds / no), _probability(whole)


def _tally(row: Indices, answer: Indices, weight: Floats, answers: int) -> Floats:
    """``(R, K)``: the weight of each answer in each row."""
    size = (int(row.max()) + 1) * answers
    return np.bincount(row * answers + answer, weight, size).astype(np.float64).reshape(-1, answers)


def _probability(log_odds: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(log_odds, -MAX_LOG_ODDS, MAX_LOG_ODDS)))


def _log_odds(probability: Floats) -> Floats:
    return np.log(probability / (1 - probability))
