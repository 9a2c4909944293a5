"""Which foreground to try on which background next, so that few forward passes settle all verdicts.

A foreground is settled by the first background that fools the model on it, or by all of them. The
least possible number of passes is therefore one for each foreground that some background fools,
and one for each background for each other; the order can only save on the former. It is learned
on the way by Thompson sampling (Thompson 1933; Chapelle and Li 2011): a foreground tries first the
background that a random draw from what is known of the `BackgroundStrength` of each holds strongest. The
draws differ, so that foregrounds tried side by side do not all try the same background in step.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
import numpy.typing as npt

from reground.tasks.kernels.background_strength import BackgroundStrength

Indices = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating]
Pairs = tuple[Indices, Indices]
"""Foregrounds and backgrounds, each ``(N,)``: positions in what was given to `SearchOrder`."""

REDRAW: Final = 4
"""A foreground draws anew once its tries have grown by one in so many: choosing stays cheap in long searches."""
NARROW: Final = 8
"""Pairs in the first batches: with nothing learned yet, a wide one would be guesses."""
RAMP: Final = 16
"""A batch holds at most one pair for so many passes before it."""
LIMIT: Final = 50.0
"""Margins are cut here, where a probability of the other side has long vanished: infinite ones have no mean."""

CLOSED, OPEN, PENDING, OBSERVED = range(4)


class SearchOrder:
    """The order of a search: `next` proposes pairs, `observe` takes their outcomes, until every verdict is known.

    The same groups, seed and outcomes in the same batches give the same pairs. No pair is proposed
    twice. `next` may be called again before its last pairs are observed, to keep a GPU busy.

    Args:
        groups: ``(F,) int``, the group of each foreground.
        backgrounds: B, how many there are.
        width: pairs in a batch once enough is learned; before, batches are smaller powers of two.
        seed: of the order of foregrounds and of the draws.
        mask: ``(F, B) bool``, the pairs that count; None: all.

    Raises:
        ValueError: a width below 1, or ``mask`` of another shape.

    Attributes:
        fooled_by: ``(F,) int``, the first background told that fools the model, -1: none so far.
        passes: ``(F,) int``, pairs handed out.
    """

    def __init__(
        self,
        groups: npt.ArrayLike,
        backgrounds: int,
        *,
        width: int,
        seed: int = 0,
        mask: Bools | None = None,
    ) -> None:
        self._names, self._group = np.unique(np.asarray(groups), return_inverse=True)
        count = len(self._group)
        self._state = np.full((count, backgrounds), OPEN, np.uint8)
        if width < 1 or (mask is not None and mask.shape != self._state.shape):
            shape = None if mask is None else mask.shape
            raise ValueError(f"expected a width from 1 up and pairs {self._state.shape}, got {width} and {shape}")
        if mask is not None:
            self._state[~mask] = CLOSED
        # Of each foreground: pairs it may still be tried on, 0 once it is settled.
        self._left: list[int] = (self._state == OPEN).sum(axis=1).tolist()
        self._width, self._seed = width, seed
        self._queue = deque(np.random.default_rng(seed).permutation(count).tolist())
        self._active: list[int] = []
        self._ranked: dict[int, deque[int]] = {}
        self._strength = BackgroundStrength(len(self._names), backgrounds)
        self._count = 0
        # Of each foreground, over the pairs told: their number, and the sum of the levels they suggest.
        self._observed = np.zeros(count)
        self._levels = np.zeros(count)
        self.fooled_by = np.full(count, -1, np.intp)
        self.passes = np.zeros(count, np.intp)

    @property
    def vulnerable(self) -> Bools:
        """``(F,) bool``: whether a background is known that fools the model; final once all given pairs are told
        and `next` gives none.
        """
        return self.fooled_by >= 0

    @property
    def min_passes(self) -> int:
        """The fewest passes that could have settled what is settled: hold ``passes.sum()`` against it."""
        return int(np.where(self.vulnerable, np.minimum(self.passes, 1), self.passes).sum())

    def learn(self, groups: npt.ArrayLike, margins: npt.NDArray[np.floating]) -> None:
        """Learn the backgrounds' strengths from other foregrounds, tried on the same backgrounds earlier.

        Args:
            groups: ``(R,) int``, of those foregrounds; one that no foreground here has counts for the mean.
            margins: ``(R, B)``, see `background_strength`; NaN: not tried.
        """
        names = np.asarray(groups)
        row = np.where(np.isin(names, self._names), np.searchsorted(self._names, names), -1)
        for group, margin in zip(row.tolist(), margins, strict=True):
            self._learn_row(group, margin)

    def warm_start(self, is_fooled: Bools, margins: npt.NDArray[np.floating]) -> None:
        """Take over pairs of this search whose outcome is known: they cost no pass and never come.

        Args:
            is_fooled: ``(F, B)``, whether the model was fooled; read where there is a margin.
            margins: ``(F, B)``, NaN: not tried. Of pairs that are not allowed they are learned from only.

        Raises:
            ValueError: pairs were asked for before.
        """
        if self.passes.any():
            raise ValueError("expected what is known already before the first pairs are asked for")
        for foreground, margin in enumerate(margins):
            self._levels[foreground], self._observed[foreground] = self._learn_row(int(self._group[foreground]), margin)
        observed_pairs = ~np.isnan(margins) & (self._state == OPEN)
        self._state[observed_pairs] = OBSERVED
        hits = observed_pairs & is_fooled
        self.fooled_by = np.where(hits.any(axis=1), hits.argmax(axis=1), -1)
        self._left = np.where(self.vulnerable, 0, (self._state == OPEN).sum(axis=1)).tolist()

    def next(self) -> Pairs:
        """The pairs of the next batch; none: nothing remains to be tried.

        Each active foreground gives its most promising background, then, where fewer are active than
        the batch is wide, those that withstood many their second, and so on: at most one in `REDRAW`
        of a foreground's passes can be too many.
        """
        width = self._batch()
        self._admit(width)
        pairs: list[tuple[int, int]] = []
        while len(pairs) < width and (ready := [f for f in self._active if self._ranked[f]]):
            pairs += [(f, self._ranked[f].popleft()) for f in ready[: width - len(pairs)]]
        foreground, background = np.array(pairs, np.intp).reshape(-1, 2).T
        self._state[foreground, background] = PENDING
        np.add.at(self.passes, foreground, 1)
        for row in foreground.tolist():
            self._left[row] -= 1
        return foreground, background

    def observe(
        self, foregrounds: npt.ArrayLike, backgrounds: npt.ArrayLike, is_fooled: npt.ArrayLike, margins: npt.ArrayLike
    ) -> None:
        """What came of pairs that `next` gave.

        Args:
            foregrounds: ``(N,) int``, as returned by the proposal.
            backgrounds: ``(N,) int``, the same.
            is_fooled: ``(N,) bool``, whether the pair settles its foreground.
            margins: ``(N,) float``, see `background_strength`. They decide the order, never a verdict.

        Raises:
            ValueError: a pair that was not given, or was told already; a margin that is not a number.
        """
        foreground, background = np.asarray(foregrounds, np.intp), np.asarray(backgrounds, np.intp)
        hit, margin = np.asarray(is_fooled, np.bool_), np.asarray(margins, np.float64)
        distinct = np.unique(foreground * self._state.shape[1] + background)
        if len(distinct) < len(foreground) or (self._state[foreground, background] != PENDING).any():
            raise ValueError("expected pairs that `next` gave and that were not told yet, each once")
        if np.isnan(margin).any():
            raise ValueError("expected margins that are numbers")
        self._state[foreground, background] = OBSERVED
        self._learn_pairs(foreground, background, np.clip(margin, -LIMIT, LIMIT))
        # Of several backgrounds in one batch the first, which was the most promising, is named.
        first, index = np.unique(foreground[hit], return_index=True)
        new = self.fooled_by[first] < 0
        self.fooled_by[first[new]] = background[hit][index[new]]
        for row in first.tolist():
            self._left[row] = 0

    def _learn_pairs(self, foreground: Indices, background: Indices, margin: Floats) -> None:
        """Learn from pairs as they come: the foregrounds' levels are those of their pairs so far."""
        group, counts = self._group[foreground], self._observed[foreground]
        levels = margin + self._strength.mean(group, background)
        level = self._levels[foreground] / np.maximum(counts, 1)
        self._strength.observe(group, background, level - margin, counts / (counts + 1))
        np.add.at(self._observed, foreground, 1)
        np.add.at(self._levels, foreground, levels)
        self._count += len(foreground)

    def _learn_row(self, group: int, margins: Floats) -> tuple[float, int]:
        """Learn from all pairs of one foreground; the sum of the levels they suggest, and their number."""
        background = np.flatnonzero(~np.isnan(margins))
        if not len(background):
            return 0.0, 0
        margin = np.clip(margins[background].astype(np.float64), -LIMIT, LIMIT)
        levels = float((margin + self._strength.mean(group, background)).sum())
        n = len(background)
        weight = np.full(n, 1 - 1 / n)
        self._strength.observe(np.full(n, group), background, levels / n - margin, weight)
        self._count += n
        return levels, n

    def _batch(self) -> int:
        """How many pairs the next batch may hold: a power of two, until it is the full width."""
        width = max(NARROW, 1 << max(self._count // RAMP, 1).bit_length() - 1)
        return min(self._width, width)

    def _admit(self, width: int) -> None:
        """Settled foregrounds leave, the next in the queue take their places; all have a list to go on with."""
        self._active = [f for f in self._active if self._left[f]]
        while self._queue and len(self._active) < width:
            foreground = self._queue.popleft()
            if self._left[foreground]:
                self._active.append(foreground)
        self._ranked = {f: self._ranked.get(f) or self._list(f) for f in self._active}

    def _list(self, foreground: int) -> deque[int]:
        """The most promising backgrounds of a foreground by a new draw: the more it has withstood, the longer."""
        background = np.flatnonzero(self._state[foreground] == OPEN)
        group = int(self._group[foreground])
        random = np.random.default_rng((self._seed, foreground, len(background)))
        scores = self._strength.deviation(group, background) * random.standard_normal(len(background))
        scores += self._strength.mean(group, background)
        length = int(self.passes[foreground]) // REDRAW + 1
        return deque(background[_top_k(scores, length)].tolist())


def _top_k(score: Floats, k: int) -> Indices:
    """The positions of the k highest scores (or of all), highest first."""
    if k == 1:
        return np.array([score.argmax()])
    highest = np.argpartition(-score, k - 1)[:k] if k < len(score) else np.arange(len(score))
    return highest[np.argsort(-score[highest], kind="stable")]
