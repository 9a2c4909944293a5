"""Which foreground to try on which background next, so that few forward passes settle all verdicts.

A foreground is settled by the first background that fools the model on it, or by all of them. The
least possible number of passes is therefore one for each foreground that some background fools,
and one for each background for each other; the order can only save on the former. It is learned
on the way by Thompson sampling (Thompson 1933; Chapelle and Li 2011): every background has a rate
at which it fools foregrounds of a group, known as well as it was tried; a foreground tries first
what its own random draw from that knowledge holds most promising. The draws differ, so a wide
batch tries many backgrounds at once instead of the same one in step, and a good one is found early.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating]
Pairs = tuple[Indices, Indices]
"""Foregrounds and backgrounds, each ``(N,)``: positions in the groups given to `Order`."""

UNTRIED: Final = 1.0
"""Tries that the mean rate of all backgrounds counts for, where one is hardly known itself."""
OTHER_GROUPS: Final = 5.0
"""Tries that a background's rate over all groups counts for, where it is hardly known in one group."""
REDRAW: Final = 4
"""A foreground draws anew once its tries have grown by one in so many: choosing stays cheap in long searches."""

CLOSED, OPEN, PENDING, TOLD = range(4)


class Order:
    """A search that is asked for pairs and told what came of them, until every verdict is known.

    The same groups, seed and answers give the same pairs. No pair comes twice. `next` may be asked
    again before the answers to its last pairs are told (a GPU that is kept busy).

    Args:
        groups: ``(F,) int``, the group of each foreground; what a background does to one is taken
            as a hint for others of the group.
        backgrounds: B, how many there are.
        width: pairs in a batch: so many foregrounds are tried at once, with one background each.
        seed: of the order of foregrounds and of the draws.
        allowed: ``(F, B) bool``, the pairs that count; None: all.

    Raises:
        ValueError: a width below 1, or ``allowed`` of another shape.
    """

    def __init__(
        self,
        groups: npt.ArrayLike,
        backgrounds: int,
        *,
        width: int,
        seed: int = 0,
        allowed: Bools | None = None,
    ) -> None:
        self._names, self._group = np.unique(np.asarray(groups), return_inverse=True)
        self._state = np.full((len(self._group), backgrounds), OPEN, np.uint8)
        if width < 1 or (allowed is not None and allowed.shape != self._state.shape):
            shape = None if allowed is None else allowed.shape
            raise ValueError(f"expected a width from 1 up and pairs {self._state.shape}, got {width} and {shape}")
        if allowed is not None:
            self._state[~allowed] = CLOSED
        self._width, self._seed = width, seed
        self._queue = deque(np.random.default_rng(seed).permutation(len(self._group)).tolist())
        self._left = (self._state == OPEN).sum(axis=1)
        self._active: list[int] = []
        self._ahead: dict[int, deque[int]] = {}
        # The last row counts for all groups.
        self._tries = np.zeros((len(self._names) + 1, backgrounds))
        self._hits = np.zeros((len(self._names) + 1, backgrounds))
        self._rate = 0.5
        self.fooled_by = np.full(len(self._group), -1, np.intp)
        self.passes = np.zeros(len(self._group), np.intp)

    @property
    def vulnerable(self) -> Bools:
        """``(F,) bool``: whether a background is known that fools the model; final once `next` gives no pairs."""
        return self.fooled_by >= 0

    @property
    def least(self) -> int:
        """The fewest passes that could have settled what is settled: compare ``passes.sum()`` with it."""
        return int(np.where(self.vulnerable, np.minimum(self.passes, 1), self.passes).sum())

    def learn(self, groups: npt.ArrayLike, backgrounds: npt.ArrayLike, fooled: npt.ArrayLike) -> None:
        """Learn the backgrounds' rates from foregrounds of an earlier search, tried on the same backgrounds.

        Args:
            groups: ``(N,) int``, of the foregrounds; one that no foreground here has counts for the mean.
            backgrounds: ``(N,) int``.
            fooled: ``(N,) bool``.
        """
        self._count(np.asarray(groups), np.asarray(backgrounds, np.intp), np.asarray(fooled, np.bool_))

    def prime(self, foregrounds: npt.ArrayLike, backgrounds: npt.ArrayLike, fooled: npt.ArrayLike) -> None:
        """Take over pairs of this search whose outcome is known already: they cost no pass and never come.

        Raises:
            ValueError: a pair that is not allowed, known, or handed out; or `next` was asked before.
        """
        if len(self._active):
            raise ValueError("expected what is known already before the first pairs are asked for")
        self._settle(foregrounds, backgrounds, fooled, OPEN)

    def next(self) -> Pairs:
        """The pairs of the next batch, at most ``width``; none: nothing remains to be tried.

        Each active foreground gives its most promising background, then, where fewer are active than
        the batch is wide, each its second, and so on.
        """
        self._enter()
        pairs: list[tuple[int, int]] = []
        while len(pairs) < self._width and (ready := [f for f in self._active if self._left[f]]):
            pairs += [(f, self._take(f)) for f in ready[: self._width - len(pairs)]]
        chosen = np.array(pairs, np.intp).reshape(-1, 2)
        return chosen[:, 0], chosen[:, 1]

    def tell(self, foregrounds: npt.ArrayLike, backgrounds: npt.ArrayLike, fooled: npt.ArrayLike) -> None:
        """What came of pairs that `next` gave, ``(N,)`` each: whether the model was fooled.

        Raises:
            ValueError: a pair that was not given, or was told already.
        """
        self._settle(foregrounds, backgrounds, fooled, PENDING)

    def _settle(
        self, foregrounds: npt.ArrayLike, backgrounds: npt.ArrayLike, fooled: npt.ArrayLike, expected: int
    ) -> None:
        foreground, background = np.asarray(foregrounds, np.intp), np.asarray(backgrounds, np.intp)
        hit = np.asarray(fooled, np.bool_)
        distinct = np.unique(foreground * self._state.shape[1] + background)
        if len(distinct) < len(foreground) or (self._state[foreground, background] != expected).any():
            which = "given by `next`" if expected == PENDING else "allowed and open"
            raise ValueError(f"expected pairs that are {which} and not told yet")
        self._state[foreground, background] = TOLD
        if expected == OPEN:
            np.subtract.at(self._left, foreground, 1)
        self._count(self._names[self._group[foreground]], background, hit)
        # Of several backgrounds in one batch the first, which is the most promising, is named.
        first, where = np.unique(foreground[hit], return_index=True)
        new = self.fooled_by[first] < 0
        self.fooled_by[first[new]] = background[hit][where[new]]

    def _count(self, groups: npt.NDArray[np.integer], background: Indices, hit: Bools) -> None:
        here = np.isin(groups, self._names)
        row = np.searchsorted(self._names, groups[here])
        for counts, weight in (self._tries, np.ones(len(hit))), (self._hits, hit):
            np.add.at(counts, (row, background[here]), weight[here])
            np.add.at(counts[-1], background, weight)
        self._rate = (self._hits[-1].sum() + 1) / (self._tries[-1].sum() + 2)

    def _enter(self) -> None:
        """Settled foregrounds leave, the next in the queue take their places."""
        self._active = [f for f in self._active if self._waits(f)]
        while self._queue and len(self._active) < self._width:
            foreground = self._queue.popleft()
            if self._waits(foreground):
                self._active.append(foreground)

    def _waits(self, foreground: int) -> bool:
        return self.fooled_by[foreground] < 0 and self._left[foreground] > 0

    def _take(self, foreground: int) -> int:
        """Hand out the next background of a foreground's list; a new list where the last is used up."""
        ahead = self._ahead.get(foreground)
        if not ahead:
            ahead = self._ahead[foreground] = self._list(foreground)
        background = ahead.popleft()
        self._state[foreground, background] = PENDING
        self._left[foreground] -= 1
        self.passes[foreground] += 1
        return background

    def _list(self, foreground: int) -> deque[int]:
        """The most promising backgrounds of a foreground by a new draw: the more it has withstood, the longer."""
        background = np.flatnonzero(self._state[foreground] == OPEN)
        mean, deviation = self._belief(self._group[foreground], background)
        random = np.random.default_rng((self._seed, foreground, len(background)))
        drawn = mean + deviation * random.standard_normal(len(background), np.float32)
        length = int(self.passes[foreground]) // REDRAW + 1
        return deque(background[_best(drawn, length)].tolist())

    def _belief(self, group: int, background: Indices) -> tuple[Floats, Floats]:
        """Mean and standard deviation of what is known of each rate: those of its beta distribution."""
        tries, hits = self._tries[-1, background], self._hits[-1, background]
        rate = (hits + UNTRIED * self._rate) / (tries + UNTRIED)
        weight = self._tries[group, background] + OTHER_GROUPS
        mean = (self._hits[group, background] + OTHER_GROUPS * rate) / weight
        return mean, np.sqrt(mean * (1 - mean) / (weight + 1))


def _best(score: Floats, k: int) -> Indices:
    """The positions of the k highest scores (or of all), highest first."""
    if k == 1:
        return np.array([score.argmax()])
    highest = np.argpartition(-score, k - 1)[:k] if k < len(score) else np.arange(len(score))
    return highest[np.argsort(-score[highest], kind="stable")]
