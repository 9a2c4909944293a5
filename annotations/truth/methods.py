"""How sure each label is, from the votes on it: one function a method.

Each takes the votes and, for every pair of image and label, its stratum and whether the label is the
image's original one, and gives every pair a confidence, 0 to 1, higher is surer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

from reground.tasks.votes import Bools, Floats, Ints, VoteArrays, decisive, selection_frequency

if TYPE_CHECKING:
    from reground.tasks.kernels.dawid_skene import DawidSkeneEstimate

SMOOTHING: Final = 1.0
"""Votes added to each cell of an annotator's confusion matrix: Laplace's rule (the default of ``joint`` too)."""


def decisive_frequency(votes: VoteArrays, strata: Ints, original: Bools) -> Floats:
    """`reground.tasks.votes.selection_frequency` of the decisive votes.

    Source: Tsipras et al. 2020, section 3.
    """
    return selection_frequency(votes, decisive(votes))[0]


def dawid_skene_posterior(votes: VoteArrays, strata: Ints, original: Bools) -> Floats:
    """Probability that a label holds, given all votes, by Dawid and Skene's model.

    Source: Beyer et al. 2020, section 3.2. Two states, three answers, a confusion matrix for each
    annotator, and a prior for each stratum of pairs.
    """
    return fit_dawid_skene(votes, strata).posterior[:, 1] if len(votes.pair) else np.zeros(0)


def fit_dawid_skene(votes: VoteArrays, strata: Ints) -> DawidSkeneEstimate:
    """The model behind `dawid_skene_posterior`: state 0 does not hold, state 1 does.

    Raises:
        ValueError: no votes.
    """
    from reground.tasks.kernels.dawid_skene import Votes, dawid_skene  # SciPy, which most commands do without

    share, _ = selection_frequency(votes)
    indices = Votes(votes.pair, votes.annotator, votes.answer)
    return dawid_skene(indices, np.stack([1 - share, share], axis=1), strata, SMOOTHING)


def joint_probability(votes: VoteArrays, strata: Ints, original: Bools) -> Floats:
    """Probability that a label holds, from all votes and from what they tell of labels and of each other.

    Source: `reground.tasks.kernels.joint_truth`; docs/truth.md has how near to experts it comes. A label has a
    prior for images whose original label it is and another for the rest, whatever its stratum.
    """
    from reground.tasks.kernels.dawid_skene import Votes
    from reground.tasks.kernels.joint_truth import Pairs, joint_truth

    if not len(votes.pair):
        return np.zeros(0)
    label = np.unique(votes.label, return_inverse=True)[1]
    indices = Votes(votes.pair, votes.annotator, votes.answer)
    share, _ = selection_frequency(votes)
    return joint_truth(indices, Pairs(votes.image, label, original.astype(np.int64)), share).probability


METHODS: Final[dict[str, Callable[[VoteArrays, Ints, Bools], Floats]]] = {
    "selection-frequency": decisive_frequency,
    "dawid-skene": dawid_skene_posterior,
    "joint": joint_probability,
}


def evidence(votes: VoteArrays, method: str) -> Bools:
    """``(V,)``: the votes that a method's confidences rest on."""
    return decisive(votes) if method == "selection-frequency" else np.ones(len(votes.pair), np.bool_)
