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

from typing import Final

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
Pairs = tuple[Indices, Indices]
"""Foregrounds and backgrounds, each ``(N,)``: positions in the groups given to `Order`."""

UNTRIED: Final = 1.0
"""Tries that the mean rate of all backgrounds counts for, where one is hardly known itself."""
OTHER_GROUPS: Final = 5.0
"""Tries that a background's rate over all groups counts for, where it is hardly known in one group."""

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
        self._queue = np.random.default_rng(seed).permutation(len(self._group))
        self._left = (self._state == OPEN).sum(axis=1)
        self._active: Indices = np.empty(0, np.intp)
        self._draws = np.empty((0, backgrounds), np.float32)
        # The last row counts for groups that no foreground here has.
        self._tries = np.zeros((len(self._names) + 1, backgrounds))
        self._hits = np.zeros((len(self._names) + 1, backgrounds))
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
        if not len(self._active):
            return np.empty(0, np.intp), np.empty(0, np.intp)
        score = self._score()
        each = min(-(-self._width // len(self._active)), score.shape[1])
        best = _best(score, each)
        slots = np.broadcast_to(np.arange(len(best))[:, None], best.shape)
        slot, background = slots.ravel(order="F"), best.ravel(order="F")
        is_open = np.isfinite(score[slot, background])
        slot, background = slot[is_open][: self._width], background[is_open][: self._width]
        foreground = self._active[slot]
        self._draws[slot, background] = -np.inf
        self._state[foreground, background] = PENDING
        np.subtract.at(self._left, foreground, 1)
        np.add.at(self.passes, foreground, 1)
        return foreground, background

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
        row = np.searchsorted(self._names, groups)
        row[~np.isin(groups, self._names)] = len(self._names)
        np.add.at(self._tries, (row, background), 1)
        np.add.at(self._hits, (row, background), hit)

    def _enter(self) -> None:
        """Settled foregrounds leave, the next in the queue take their places."""
        stays = self._waits(self._active)
        waiting = self._queue[self._waits(self._queue)]
        free = self._width - int(stays.sum())
        if stays.all() and not len(waiting[:free]):
            return
        coming, self._queue = waiting[:free], waiting[free:]
        self._active = np.concatenate([self._active[stays], coming])
        self._draws = np.concatenate([self._draws[stays], *(self._draw(foreground) for foreground in coming)])

    def _waits(self, foreground: Indices) -> Bools:
        return ~self.vulnerable[foreground] & (self._left[foreground] > 0)

    def _draw(self, foreground: int) -> npt.NDArray[np.float32]:
        """``(1, B)``: how far above its mean each background's rate is taken to be, in standard deviations."""
        random = np.random.default_rng((self._seed, foreground))
        draw = random.standard_normal((1, self._state.shape[1]), np.float32)
        draw[0, self._state[foreground] != OPEN] = -np.inf
        return draw

    def _score(self) -> npt.NDArray[np.float32]:
        """``(A, B)``: the rate drawn for each active foreground and background, -inf where the pair is closed."""
        mean, deviation = self._beliefs()
        group = self._group[self._active]
        score = deviation[group]
        score *= self._draws
        score += mean[group]
        return score

    def _beliefs(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Mean and standard deviation, ``(G, B)``, of what is known of each rate: those of its beta distribution."""
        hits, tries = self._hits.sum(axis=0), self._tries.sum(axis=0)
        overall = (hits.sum() + 1) / (tries.sum() + 2)
        rate = (hits + UNTRIED * overall) / (tries + UNTRIED)
        weight = self._tries[:-1] + OTHER_GROUPS
        mean = (self._hits[:-1] + OTHER_GROUPS * rate) / weight
        deviation = np.sqrt(mean * (1 - mean) / (weight + 1))
        return mean.astype(np.float32), deviation.astype(np.float32)


def _best(score: npt.NDArray[np.float32], k: int) -> Indices:
    """``(A, k)``: the columns of the k highest scores of each row, highest first."""
    if k == 1:
        return score.argmax(axis=1)[:, None]
    highest = np.argpartition(-score, k - 1, axis=1)[:, :k] if k < score.shape[1] else _all_columns(score)
    order = np.argsort(-np.take_along_axis(score, highest, axis=1), axis=1, kind="stable")
    return np.take_along_axis(highest, order, axis=1)


def _all_columns(score: npt.NDArray[np.float32]) -> Indices:
    return np.broadcast_to(np.arange(score.shape[1]), score.shape)
