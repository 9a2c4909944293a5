"""The search itself: which pairs are tried, until everything is known that is asked of some foregrounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from reground.tasks.adversarial.inputs import SearchInputs
from reground.tasks.adversarial.outcomes import NO_BACKGROUND, Outcomes, SearchResult, fooled, misled
from reground.tasks.kernels.adversarial_order import SearchOrder
from reground.tasks.workspace import derive_seed

if TYPE_CHECKING:
    from reground.tasks.models import CompositeOutput, Compositor

Pairs = tuple[np.ndarray, np.ndarray]
"""Foregrounds and backgrounds, ``(N,) int`` each."""
EarlierMargins = Iterable[tuple[np.ndarray, np.ndarray]]
"""Of foregrounds that were searched before: groups ``(R,) int`` and margins ``(R, B) float32``, NaN: not tried."""
SettleRule = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(group predicted, group of the foreground) -> whether that settles the foreground."""


class Searcher:
    """Some foregrounds before a network.

    Args:
        compositor: with the scene's backgrounds.
        class_of: ``(C,) int32``, class of each of the network's outputs.
        inputs: it.
        rows: ``(R,) int``, positions of the foregrounds in the scene.

    Attributes:
        outcomes: what is known of them.
    """

    def __init__(self, compositor: Compositor, class_of: np.ndarray, inputs: SearchInputs, rows: np.ndarray) -> None:
        self._compositor, self._class_of = compositor, class_of
        self.outcomes = Outcomes.none(inputs, rows)
        self._pixels = inputs.pixels[rows]
        self._shown = compositor.stage(self._pixels, inputs.masks(rows), self.outcomes.group)

    def search(self, seed: int, earlier: EarlierMargins) -> SearchResult:
        """Try pairs until the verdict and the outcome of every foreground are known.

        Args:
            seed: of the order.
            earlier: to learn from.
        """
        outcomes, clean = self.outcomes, self.clean()
        all_rows = np.arange(len(clean))
        right = np.flatnonzero(outcomes.inputs.groups_of(clean) == outcomes.group)
        verdict = self.order(all_rows, derive_seed(seed, "verdict"))
        outcome = self.order(right, derive_seed(seed, "outcome"), outcomes.other[right])
        for groups, margins in earlier:
            verdict.learn(groups, margins)
            outcome.learn(groups, margins)
        self.settle(verdict, all_rows, fooled)
        outcome.warm_start(misled(outcomes.predicted_group, outcomes.group[:, None])[right], outcomes.margin[right])
        self.settle(outcome, right, misled)
        misled_by, outcome_passes = np.full(len(clean), NO_BACKGROUND), np.zeros(len(clean), np.intp)
        misled_by[right], outcome_passes[right] = outcome.fooled_by, outcome.passes
        return SearchResult(outcomes, clean, verdict.fooled_by, misled_by, verdict.passes, outcome_passes)

    def exhaust(self) -> SearchResult:
        """Try every pair, row by row."""
        outcomes, clean = self.outcomes, self.clean()
        count, width = outcomes.predicted.shape
        pairs = np.arange(count * width)
        batches = iter(np.split(pairs, range(self._compositor.batch, len(pairs), self._compositor.batch)))
        self._try(lambda: np.divmod(next(batches, pairs[:0]), width), lambda foreground, background: None)
        predicted_group, own = outcomes.predicted_group, outcomes.group[:, None]
        right = outcomes.inputs.groups_of(clean) == outcomes.group
        misleading = misled(predicted_group, own) & outcomes.other & right[:, None]
        passes, none = np.full(count, width), np.zeros(count, np.intp)
        return SearchResult(outcomes, clean, _first(fooled(predicted_group, own)), _first(misleading), passes, none)

    def clean(self) -> np.ndarray:
        """Classes predicted on the originals, ``(R,) int32``: where all is foreground no background shows."""
        whole = np.ones(self._pixels.shape[:3], np.bool_)
        shown = self._compositor.stage(self._pixels, whole, self.outcomes.group)
        size, rows = self._compositor.batch, np.arange(len(whole))
        batches = np.split(rows, range(size, len(rows), size))
        outputs = [self._compositor.submit(shown, batch, np.zeros_like(batch))().output for batch in batches]
        return self._class_of[np.concatenate(outputs)]

    def settle(self, order: SearchOrder, rows: np.ndarray, settles: SettleRule) -> None:
        """Try the pairs that an order asks for, until it asks for none.

        Args:
            order: its foregrounds are ``rows``.
            rows: ``(N,) int``, positions among those before the network.
            settles: what settles a foreground.
        """
        outcomes, own = self.outcomes, self.outcomes.group[rows]

        def pairs() -> Pairs:
            foreground, background = order.next()
            return rows[foreground], background

        def observe(row: np.ndarray, background: np.ndarray) -> None:
            foreground = np.searchsorted(rows, row)
            predicted_group = outcomes.inputs.groups_of(outcomes.predicted[row, background])
            order.observe(
                foreground, background, settles(predicted_group, own[foreground]), outcomes.margin[row, background]
            )

        self._try(pairs, observe)

    def order(self, rows: np.ndarray, seed: int, allowed: np.ndarray | None = None) -> SearchOrder:
        """In which to try some of the foregrounds, on all backgrounds or on those that are ``allowed``."""
        width = self._compositor.batch
        return SearchOrder(
            self.outcomes.group[rows], self.outcomes.predicted.shape[1], width=width, seed=seed, allowed=allowed
        )

    def _try(self, pairs: Callable[[], Pairs], observe: Callable[[np.ndarray, np.ndarray], None]) -> None:
        """Try pairs, so many batches ahead of their answers as the device likes, until there are none."""
        waiting: deque[tuple[np.ndarray, np.ndarray, Callable[[], CompositeOutput]]] = deque()
        while True:
            foreground, background = pairs()
            if len(foreground):
                answer = self._compositor.submit(self._shown, foreground, background)
                waiting.append((foreground, background, answer))
            elif not waiting:
                return
            if len(waiting) > self._compositor.prefetch or not len(foreground):
                foreground, background, answer = waiting.popleft()
                self._note(foreground, background, answer())
                observe(foreground, background)

    def _note(self, row: np.ndarray, background: np.ndarray, answer: CompositeOutput) -> None:
        self.outcomes.predicted[row, background] = self._class_of[answer.output]
        self.outcomes.probability[row, background] = answer.probability
        self.outcomes.margin[row, background] = answer.margin


def _first(hits: np.ndarray) -> np.ndarray:
    """Position of the first hit in each row; `NO_BACKGROUND` where there is none."""
    return np.where(hits.any(axis=1), hits.argmax(axis=1), NO_BACKGROUND)
