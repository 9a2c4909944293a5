"""The search: tries pairs of foreground and background until the verdicts and outcomes are final."""

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
"""Groups ``(R,) int`` and margins ``(R, B) float32`` of foregrounds in earlier shards; NaN: not tried."""
SettleRule = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(predicted group, group of the foreground) -> whether the verdict is final."""


class Searcher:
    """Searches some foregrounds with one network.

    Args:
        compositor: network and backgrounds.
        class_of: ``(C,) int32``, class of each output of the network.
        inputs: foregrounds and backgrounds.
        rows: ``(R,) int``, positions of the foregrounds in ``inputs``.

    Attributes:
        outcomes: predictions so far.
    """

    def __init__(self, compositor: Compositor, class_of: np.ndarray, inputs: SearchInputs, rows: np.ndarray) -> None:
        self._compositor, self._class_of = compositor, class_of
        self.outcomes = Outcomes.none(inputs, rows)
        self._pixels = inputs.pixels[rows]
        self._device_inputs = compositor.stage(self._pixels, inputs.masks(rows), self.outcomes.group)

    def search(self, seed: int, earlier: EarlierMargins) -> SearchResult:
        """Try pairs until the verdict and the outcome of every foreground are final.

        Args:
            seed: seed of the order.
            earlier: margins from which the order is learned.
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
        """Try all pairs, row by row."""
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
        """Classes predicted on the originals, ``(R,) int32``: composites whose mask is all foreground."""
        whole = np.ones(self._pixels.shape[:3], np.bool_)
        device_inputs = self._compositor.stage(self._pixels, whole, self.outcomes.group)
        size, rows = self._compositor.batch, np.arange(len(whole))
        batches = np.split(rows, range(size, len(rows), size))
        outputs = [self._compositor.submit(device_inputs, batch, np.zeros_like(batch))().output for batch in batches]
        return self._class_of[np.concatenate(outputs)]

    def settle(self, order: SearchOrder, rows: np.ndarray, settles: SettleRule) -> None:
        """Try the pairs that an order proposes, until it proposes none.

        Args:
            order: order of the foregrounds ``rows``.
            rows: ``(N,) int``, positions in ``outcomes``.
            settles: rule that makes the verdict final.
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

    def order(self, rows: np.ndarray, seed: int, mask: np.ndarray | None = None) -> SearchOrder:
        """The order in which to try some foregrounds, on all backgrounds or on those of the ``(N, B) bool`` mask."""
        width = self._compositor.batch
        return SearchOrder(
            self.outcomes.group[rows], self.outcomes.predicted.shape[1], width=width, seed=seed, mask=mask
        )

    def _try(self, pairs: Callable[[], Pairs], observe: Callable[[np.ndarray, np.ndarray], None]) -> None:
        """Try pairs until there are none, with as many batches in flight as the device prefetches."""
        pending: deque[tuple[np.ndarray, np.ndarray, Callable[[], CompositeOutput]]] = deque()
        while True:
            foreground, background = pairs()
            if len(foreground):
                future = self._compositor.submit(self._device_inputs, foreground, background)
                pending.append((foreground, background, future))
            elif not pending:
                return
            if len(pending) > self._compositor.prefetch or not len(foreground):
                foreground, background, future = pending.popleft()
                self._record(foreground, background, future())
                observe(foreground, background)

    def _record(self, row: np.ndarray, background: np.ndarray, output: CompositeOutput) -> None:
        self.outcomes.predicted[row, background] = self._class_of[output.output]
        self.outcomes.probability[row, background] = output.probability
        self.outcomes.margin[row, background] = output.margin


def _first(hits: np.ndarray) -> np.ndarray:
    """Position of the first hit in each row; `NO_BACKGROUND` where there is none."""
    return np.where(hits.any(axis=1), hits.argmax(axis=1), NO_BACKGROUND)
