"""The search itself: which pairs are tried, until everything is known that is asked of some foregrounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from reground.tasks.adversarial.scene import Scene
from reground.tasks.adversarial.trials import NOBODY, Found, Trials, fooled, misled
from reground.tasks.kernels.adversarial_order import SearchOrder
from reground.tasks.workspace import derive_seed

if TYPE_CHECKING:
    from reground.tasks.models import Answer, Compositor

Pairs = tuple[np.ndarray, np.ndarray]
"""Foregrounds and backgrounds, ``(N,) int`` each."""
Earlier = Iterable[tuple[np.ndarray, np.ndarray]]
"""Of foregrounds that were searched before: groups ``(R,) int`` and margins ``(R, B) float32``, NaN: not tried."""
Settles = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(group predicted, group of the foreground) -> whether that settles the foreground."""


class Searcher:
    """Some foregrounds before a network.

    Args:
        compositor: with the scene's backgrounds.
        class_of: ``(C,) int32``, class of each of the network's outputs.
        scene: it.
        rows: ``(R,) int``, positions of the foregrounds in the scene.

    Attributes:
        trials: what is known of them.
    """

    def __init__(self, compositor: Compositor, class_of: np.ndarray, scene: Scene, rows: np.ndarray) -> None:
        self._compositor, self._class_of = compositor, class_of
        self.trials = Trials.none(scene, rows)
        self._pixels = scene.pixels[rows]
        self._shown = compositor.stage(self._pixels, scene.masks(rows), self.trials.group)

    def search(self, seed: int, earlier: Earlier) -> Found:
        """Try pairs until the verdict and the outcome of every foreground are known.

        Args:
            seed: of the order.
            earlier: to learn from.
        """
        trials, clean = self.trials, self.clean()
        everyone = np.arange(len(clean))
        right = np.flatnonzero(trials.scene.groups_of(clean) == trials.group)
        verdict = self.order(everyone, derive_seed(seed, "verdict"))
        outcome = self.order(right, derive_seed(seed, "outcome"), trials.other[right])
        for groups, margins in earlier:
            verdict.learn(groups, margins)
            outcome.learn(groups, margins)
        self.settle(verdict, everyone, fooled)
        outcome.warm_start(misled(trials.into, trials.group[:, None])[right], trials.margin[right])
        self.settle(outcome, right, misled)
        misled_by, outcome_passes = np.full(len(clean), NOBODY), np.zeros(len(clean), np.intp)
        misled_by[right], outcome_passes[right] = outcome.fooled_by, outcome.passes
        return Found(trials, clean, verdict.fooled_by, misled_by, verdict.passes, outcome_passes)

    def exhaust(self) -> Found:
        """Try every pair, row by row."""
        trials, clean = self.trials, self.clean()
        count, width = trials.predicted.shape
        pairs = np.arange(count * width)
        batches = iter(np.split(pairs, range(self._compositor.batch, len(pairs), self._compositor.batch)))
        self._try(lambda: np.divmod(next(batches, pairs[:0]), width), lambda foreground, background: None)
        into, own = trials.into, trials.group[:, None]
        right = trials.scene.groups_of(clean) == trials.group
        misleading = misled(into, own) & trials.other & right[:, None]
        passes, none = np.full(count, width), np.zeros(count, np.intp)
        return Found(trials, clean, _first(fooled(into, own)), _first(misleading), passes, none)

    def clean(self) -> np.ndarray:
        """Classes predicted on the originals, ``(R,) int32``: where all is foreground no background shows."""
        whole = np.ones(self._pixels.shape[:3], np.bool_)
        shown = self._compositor.stage(self._pixels, whole, self.trials.group)
        size, rows = self._compositor.batch, np.arange(len(whole))
        batches = np.split(rows, range(size, len(rows), size))
        outputs = [self._compositor.submit(shown, batch, np.zeros_like(batch))().output for batch in batches]
        return self._class_of[np.concatenate(outputs)]

    def settle(self, order: SearchOrder, rows: np.ndarray, settles: Settles) -> None:
        """Try the pairs that an order asks for, until it asks for none.

        Args:
            order: its foregrounds are ``rows``.
            rows: ``(N,) int``, positions among those before the network.
            settles: what settles a foreground.
        """
        trials, own = self.trials, self.trials.group[rows]

        def pairs() -> Pairs:
            foreground, background = order.next()
            return rows[foreground], background

        def observe(row: np.ndarray, background: np.ndarray) -> None:
            foreground = np.searchsorted(rows, row)
            into = trials.scene.groups_of(trials.predicted[row, background])
            order.observe(foreground, background, settles(into, own[foreground]), trials.margin[row, background])

        self._try(pairs, observe)

    def order(self, rows: np.ndarray, seed: int, allowed: np.ndarray | None = None) -> SearchOrder:
        """In which to try some of the foregrounds, on all backgrounds or on those that are ``allowed``."""
        width = self._compositor.batch
        return SearchOrder(
            self.trials.group[rows], self.trials.predicted.shape[1], width=width, seed=seed, allowed=allowed
        )

    def _try(self, pairs: Callable[[], Pairs], observe: Callable[[np.ndarray, np.ndarray], None]) -> None:
        """Try pairs, so many batches ahead of their answers as the device likes, until there are none."""
        waiting: deque[tuple[np.ndarray, np.ndarray, Callable[[], Answer]]] = deque()
        while True:
            foreground, background = pairs()
            if len(foreground):
                answer = self._compositor.submit(self._shown, foreground, background)
                waiting.append((foreground, background, answer))
            elif not waiting:
                return
            if len(waiting) > self._compositor.ahead or not len(foreground):
                foreground, background, answer = waiting.popleft()
                self._note(foreground, background, answer())
                observe(foreground, background)

    def _note(self, row: np.ndarray, background: np.ndarray, answer: Answer) -> None:
        self.trials.predicted[row, background] = self._class_of[answer.output]
        self.trials.probability[row, background] = answer.probability
        self.trials.margin[row, background] = answer.margin


def _first(hits: np.ndarray) -> np.ndarray:
    """Position of the first hit in each row; `NOBODY` where there is none."""
    return np.where(hits.any(axis=1), hits.argmax(axis=1), NOBODY)
