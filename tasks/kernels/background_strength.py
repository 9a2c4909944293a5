"""How strongly each background pulls a model away from a foreground, learned from the margins of composites.

The margin of a composite is the network's best output within the foreground's group minus its best
output elsewhere: above 0 the model is right, below 0 it is fooled. It is modelled as

    margin = level of the foreground - strength of the background - strength in that group + noise

because a foreground that nothing fools says nothing by being right on every background, but by its
margins it says which of them came nearest. The strengths are shrunk towards 0 as random effects are
(Henderson 1975, best linear unbiased prediction), one background after another, without iteration.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.intp]
Floats = npt.NDArray[np.floating]

SHARED: Final = 4.0
"""Variance of the noise over that of the strengths: composites whose evidence a strength of 0 counts for."""
OWN: Final = 4.0
"""The same of the deviation that a background shows in one group."""


class BackgroundStrength:
    """What is known of the strengths of B backgrounds, over all foregrounds and in each of G groups of them.

    Margins are in any one unit, such as the difference of two logits; so are strengths and levels.

    Examples:
        >>> strength = BackgroundStrength(groups=2, backgrounds=3)
        >>> group, background = np.array([0, 0, 1]), np.array([0, 1, 0])
        >>> strength.observe(group, background, below=np.array([4.0, 0.0, 2.0]), weight=np.ones(3))
        >>> strength.mean(-1, np.arange(3)).round(2).tolist()
        [1.67, 0.0, 0.0]
    """

    def __init__(self, groups: int, backgrounds: int) -> None:
        # The last row counts for all groups.
        self._pull = np.zeros((groups + 1, backgrounds))
        self._weight = np.zeros((groups + 1, backgrounds))
        self._squares, self._count = 1.0, 1.0

    def observe(self, group: Indices, background: Indices, below: Floats, weight: Floats) -> None:
        """Take in N composites.

        Args:
            group: ``(N,)``, of the foregrounds; -1: none of the G, which counts over all only.
            background: ``(N,)``.
            below: ``(N,)``, the level of the foreground minus the margin.
            weight: ``(N,)``, 0 to 1: how well that level is known.
        """
        self._squares += float((weight * (below - self.mean(group, background)) ** 2).sum())
        self._count += float(weight.sum())
        own = group >= 0
        for sums, values in (self._pull, weight * below), (self._weight, weight):
            np.add.at(sums, (group[own], background[own]), values[own])
            np.add.at(sums[-1], background, values)

    def mean(self, group: Indices | int, background: Indices) -> Floats:
        """``(N,)``: the expected strength of each background on foregrounds of a group (-1: over all)."""
        shared = self._pull[-1, background] / (self._weight[-1, background] + SHARED)
        return (self._pull[group, background] + OWN * shared) / (self._weight[group, background] + OWN)

    def deviation(self, group: int, background: Indices) -> Floats:
        """``(N,)``: the standard deviation of what `mean` expects."""
        own = 1 / (self._weight[group, background] + OWN)
        shared = 1 / (self._weight[-1, background] + SHARED)
        return np.sqrt(self._squares / self._count * (own + (OWN * own) ** 2 * shared))
