"""Evaluate on photographs: accuracy on the original labels, and on what people found.

Sources: ReaL accuracy: Beyer et al. 2020 (top-1 in the labels, over images that have any; an image nobody
was asked about stands with its original label). Multi-label accuracy, main label, number of
objects, and selection frequency of the top prediction (human-based evaluation): Tsipras et al. 2020.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from reground.tasks.evaluation.reference import NONE, Bools, Floats, Ints, Judged
from reground.tasks.evaluation.result import ALL, BALANCED, Measured
from reground.tasks.kernels.intervals import Estimate, mean, share, uncertain_share, wilson
from reground.tasks.schema import PHOTOGRAPHS

TOP_1, TOP_5, REAL, MULTI_LABEL = "top1_original", "top5_original", "real_accuracy", "multi_label"
MULTI_LABEL_5, MAIN_LABEL = "multi_label_top5", "main_label"
FREQUENCY, NOBODY_ASKED = "selection_frequency", "nobody_asked"
REVIEWED, SINGLE, MULTI, ASKED = "reviewed", "single_object", "multi_object", "asked"
"""Subsets: the votes settled the labels; people counted one object, or more; people were asked in a grid."""
SUPERCLASS: Final = "superclass:"
"""Begins the subset of a superclass of Tsipras et al. 2020, by the original label."""
DEPTH: Final = 5
"""Predictions of the top-5 metrics."""


@dataclass(frozen=True)
class Parts:
    """Subsets of the photographs by their original label.

    Attributes:
        groups: name -> ``(N,) bool``, of the workspace's groups.
        superclasses: the same, of the packaged superclasses.
    """

    groups: Mapping[str, Bools]
    superclasses: Mapping[str, Bools]


def on_photographs(ranks: Ints, judged: Judged, parts: Parts, deep: bool, level: float) -> Iterator[Measured]:
    """All metrics of one model: of all photographs, by number of objects, by superclass, by group.

    Args:
        ranks: ``(N, K)`` its predictions, best first, as `reground.tasks.evaluation.reference.ranked` gives them.
        judged: what it is judged by.
        parts: subsets by original label.
        deep: five predictions of each image are known (or all there are).
        level: of the intervals, 0 to 1.
    """
    sheet = _Sheet(ranks, judged, ranks[:, 0] != NONE, level)
    if not sheet.predicted.any():
        return
    everywhere = np.ones(len(ranks), np.bool_)
    for metric, subset, measure, on_truth in WHOLE:
        if (deep or metric not in (TOP_5, MULTI_LABEL_5)) and (judged.reviewed or metric != REAL):
            yield Measured(PHOTOGRAPHS, metric, subset, measure(sheet, everywhere), on_truth)
    objects = {SINGLE: judged.objects == 1, MULTI: judged.objects > 1}
    yield from _parts(sheet, BY_LABEL, objects)
    if judged.asked.any():
        yield from _parts(sheet, FREQUENCIES, {ALL: everywhere, ASKED: judged.asked, **objects})
    supers = {f"{SUPERCLASS}{name}": within for name, within in parts.superclasses.items()}
    yield from _parts(sheet, BY_LABEL, supers)
    yield from _parts(sheet, BY_LABEL, parts.groups)
    yield from _balanced(sheet, parts.groups)


@dataclass(frozen=True)
class _Sheet:
    """One model's predictions beside what they are judged by."""

    ranks: Ints
    judged: Judged
    predicted: Bools
    level: float

    def original(self, within: Bools, depth: int) -> Estimate:
        """Is the original label among the first ``depth``?"""
        chosen = within & self.predicted & (self.judged.original != NONE)
        hits = (self.ranks[chosen, :depth] == self.judged.original[chosen, None]).any(axis=1)
        return share(hits, self.level)

    def main(self, within: Bools) -> Estimate:
        """Is the main label first?"""
        chosen = within & self.predicted & self.judged.settled & (self.judged.main != NONE)
        return share(self.ranks[chosen, 0] == self.judged.main[chosen], self.level)

    def labels(self, within: Bools, depth: int = 1) -> Estimate:
        """Does any of the first ``depth`` hold, where any label does?"""
        chosen = within & self.predicted & self.judged.has_labels
        kept, hit = self._found[depth]
        return uncertain_share(share(kept[chosen], self.level), hit[chosen], self.level)

    def settled_labels(self, within: Bools, depth: int = 1) -> Estimate:
        """The same where people settled which labels hold."""
        return self.labels(within & self.judged.settled, depth)

    def frequency(self, within: Bools) -> Estimate:
        """How many of the people who were asked about the first selected it, on average."""
        asked = self._frequency[within & self.predicted]
        asked = asked[~np.isnan(asked)]
        return wilson(float(asked.sum()), len(asked), self.level)

    def nobody_asked(self, within: Bools) -> Estimate:
        """On how many nobody was asked about the first."""
        return share(np.isnan(self._frequency[within & self.predicted]), self.level)

    @cached_property
    def _frequency(self) -> Floats:
        return self.judged.frequency.of(self.ranks[:, 0], np.nan)

    @cached_property
    def _found(self) -> dict[int, tuple[Bools, Floats]]:
        """Depth -> ``(N,)``: was any of the first kept, and the probability that any holds."""
        kept: Bools = np.greater(self.judged.kept.of(self.ranks[:, :DEPTH]), 0)
        none = 1 - self.judged.probability.of(self.ranks[:, :DEPTH])
        return {
            depth: (np.logical_or.reduce(kept[:, :depth], axis=1), 1 - np.prod(none[:, :depth], axis=1))
            for depth in (1, DEPTH)
        }


Measure = Callable[[_Sheet, Bools], Estimate]

WHOLE: Final[tuple[tuple[str, str, Measure, bool], ...]] = (
    (TOP_1, ALL, lambda sheet, within: sheet.original(within, 1), False),
    (TOP_5, ALL, lambda sheet, within: sheet.original(within, DEPTH), False),
    (TOP_1, REVIEWED, lambda sheet, within: sheet.original(within & sheet.judged.settled, 1), False),
    (REAL, ALL, _Sheet.labels, True),
    (MULTI_LABEL, REVIEWED, _Sheet.settled_labels, True),
    (MULTI_LABEL_5, REVIEWED, lambda sheet, within: sheet.settled_labels(within, DEPTH), True),
    (MAIN_LABEL, REVIEWED, _Sheet.main, True),
)
"""Metric, subset, how it is measured, and whether votes decide what is right."""
BY_LABEL: Final[tuple[tuple[str, Measure, bool], ...]] = (
    (TOP_1, lambda sheet, within: sheet.original(within, 1), False),
    (REAL, _Sheet.labels, True),
    (MULTI_LABEL, _Sheet.settled_labels, True),
    (MAIN_LABEL, _Sheet.main, True),
)
FREQUENCIES: Final[tuple[tuple[str, Measure, bool], ...]] = (
    (FREQUENCY, _Sheet.frequency, True),
    (NOBODY_ASKED, _Sheet.nobody_asked, True),
)


def _parts(
    sheet: _Sheet, metrics: Sequence[tuple[str, Measure, bool]], subsets: Mapping[str, Bools]
) -> Iterator[Measured]:
    """Every metric on every subset, where there is anything to measure."""
    for metric, measure, on_truth in metrics:
        if on_truth and not sheet.judged.reviewed:
            continue
        for subset, within in subsets.items():
            estimate = measure(sheet, within)
            if estimate.n:
                yield Measured(PHOTOGRAPHS, metric, subset, estimate, on_truth)


def _balanced(sheet: _Sheet, groups: Mapping[str, Bools]) -> Iterator[Measured]:
    """Every metric as the mean of the groups."""
    for metric, measure, on_truth in BY_LABEL:
        estimate = mean([measure(sheet, within) for within in groups.values()])
        if estimate.n and (sheet.judged.reviewed or not on_truth):
            yield Measured(PHOTOGRAPHS, metric, BALANCED, estimate, on_truth)
