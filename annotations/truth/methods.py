"""How sure each label is, from the votes on it: one function a method.

Each takes the votes and, for every pair of image and label, its stratum and whether the label is the
image's original one, and gives every pair a confidence, 0 to 1, higher is surer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from reground.annotations.rounds.asked import Asked, Ints

if TYPE_CHECKING:
    from reground.tasks.kernels.dawid_skene import Estimate

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

WEIGHTS: Final = np.array([0.0, 0.5, 1.0])
"""What no, maybe and yes add to a label's selection frequency."""
SMOOTHING: Final = 1.0
"""Votes added to each cell of an annotator's confusion matrix: Laplace's rule (the default of ``joint`` too)."""


def selection_frequency(asked: Asked, strata: Ints, original: Bools) -> Floats:
    """Selected / shown, a 'maybe' counting half.

    Source: Tsipras et al. 2020, section 3. Answers given with an image's labels side by side
    decide, where there are any, over those given in a grid of images.
    """
    decisive = counted(asked)
    total = np.bincount(asked.pair[decisive], WEIGHTS[asked.answer[decisive]], len(asked.label))
    return total / np.bincount(asked.pair[decisive], minlength=len(asked.label))


def dawid_skene_posterior(asked: Asked, strata: Ints, original: Bools) -> Floats:
    """Probability that a label holds, given all votes, by Dawid and Skene's model.

    Source: Beyer et al. 2020, section 3.2. Two states, three answers, a confusion matrix for each
    annotator, and a prior for each stratum of pairs.
    """
    return fit_dawid_skene(asked, strata).posterior[:, 1] if len(asked.pair) else np.zeros(0)


def fit_dawid_skene(asked: Asked, strata: Ints) -> Estimate:
    """The model behind `dawid_skene_posterior`: state 0 does not hold, state 1 does.

    Raises:
        ValueError: no votes.
    """
    from reground.tasks.kernels.dawid_skene import Votes, dawid_skene  # SciPy, which most commands do without

    share = _share(asked)
    votes = Votes(asked.pair, asked.annotator, asked.answer)
    return dawid_skene(votes, np.stack([1 - share, share], axis=1), strata, SMOOTHING)


def joint_probability(asked: Asked, strata: Ints, original: Bools) -> Floats:
    """Probability that a label holds, from all votes and from what they tell of labels and of each other.

    Source: `reground.tasks.kernels.joint_truth`; docs/truth.md has how near to experts it comes. A label has a
    prior for images whose original label it is and another for the rest, whatever its stratum.
    """
    from reground.tasks.kernels.dawid_skene import Votes
    from reground.tasks.kernels.joint_truth import Pairs, joint_truth

    if not len(asked.pair):
        return np.zeros(0)
    label = np.unique(asked.label, return_inverse=True)[1]
    votes = Votes(asked.pair, asked.annotator, asked.answer)
    return joint_truth(votes, Pairs(asked.image, label, original.astype(np.int64)), _share(asked)).probability


METHODS: Final[dict[str, Callable[[Asked, Ints, Bools], Floats]]] = {
    "selection-frequency": selection_frequency,
    "dawid-skene": dawid_skene_posterior,
    "joint": joint_probability,
}


def _share(asked: Asked) -> Floats:
    """``(P,)``: all votes for each pair over those given, a 'maybe' counting half."""
    size = np.bincount(asked.pair, minlength=len(asked.label))
    return np.bincount(asked.pair, WEIGHTS[asked.answer], len(asked.label)) / size


def counted(asked: Asked) -> npt.NDArray[np.bool_]:
    """``(V,)``: the votes that decide on their pair."""
    side_by_side = np.zeros(len(asked.label), np.bool_)
    side_by_side[asked.pair[~asked.contains]] = True
    return ~asked.contains | ~side_by_side[asked.pair]


def shown(asked: Asked, method: str) -> Ints:
    """``(P,)``: people whose votes stand behind each confidence."""
    votes = asked.pair[counted(asked)] if method == "selection-frequency" else asked.pair
    return np.bincount(votes, minlength=len(asked.label))
