"""Metrics on photographs: accuracy on the original labels, and on people's labels.

Metrics on people's labels count settled images only; where none is settled, there are none. ReaL accuracy adds the
images that nobody was asked about, with their original label; an image in review counts nowhere.

Sources: ReaL accuracy: Beyer et al. 2020 (top-1 in the labels, over images that have any). Multi-label accuracy,
main label, number of objects, and selection frequency of the top prediction (human-based evaluation): Tsipras et
al. 2020.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from reground.tasks.evaluation.reference import NONE, ReferenceLabels
from reground.tasks.evaluation.result import ALL, BALANCED, MetricResult
from reground.tasks.kernels.intervals import (
    Estimate,
    mean_estimate,
    paired_mean,
    proportion,
    uncertain_proportion,
    wilson,
)
from reground.tasks.schema import PHOTOGRAPHS, Outcome
from reground.tasks.votes import Bools, Floats, Ints

TOP_1, TOP_5, REAL, MULTI_LABEL = "top1_original", "top5_original", "real_accuracy", "multi_label"
MULTI_LABEL_TOP5, MAIN_LABEL = "multi_label_top5", "main_label"
FREQUENCY, FREQUENCY_GAP, NOBODY_ASKED = "selection_frequency", "frequency_gap", "nobody_asked"
REVIEWED, SINGLE, MULTI, ASKED = "reviewed", "single_object", "multi_object", "asked"
"""Subsets: the labels are settled; people counted one object, or more; people were asked CONTAINS."""
OUTCOMES: Final = tuple(Outcome)
"""Subsets of settled images by what people decided of the original label."""
SUPERCLASS: Final = "superclass:"
"""Prefix of the subset of a superclass of Tsipras et al. 2020, by original label."""
TOP_K: Final = 5
"""Predictions that the top-5 metrics look at."""


@dataclass(frozen=True)
class Subsets:
    """Subsets of the photographs by their original label.

    Attributes:
        groups: name -> ``(N,) bool``, of the workspace's groups.
        superclasses: the same, of the packaged superclasses.
    """

    groups: Mapping[str, Bools]
    superclasses: Mapping[str, Bools]


def on_photographs(
    ranks: Ints, reference: ReferenceLabels, subsets: Subsets, has_top5: bool, level: float
) -> Iterator[MetricResult]:
    """All metrics of one model: of all photographs, by number of objects, by what people decided, superclass and group.

    Args:
        ranks: ``(N, K)`` its predictions, best first, from `reground.tasks.evaluation.answers.read_answers`.
        reference: the reference labels.
        subsets: subsets by original label.
        has_top5: whether every image has five predictions, or as many as there are classes.
        level: of the intervals, 0 to 1.

    Examples:
        >>> import pandas as pd
        >>> from reground.tasks.evaluation.reference import Labels
        >>> image, class_idx = np.array([0, 0, 1, 1, 2]), np.array([1, 2, 1, 3, 3])  # the labels asked about
        >>> kept = Labels(image, class_idx, np.array([1.0, 1.0, 0.0, 1.0, 1.0]))
        >>> likely = Labels(image, class_idx, np.array([0.9, 0.8, 0.1, 0.9, 1.0]))
        >>> reference = ReferenceLabels(
        ...     image_ids=pd.Index(["a", "b", "c"]),
        ...     original=np.array([1, 1, 3]),
        ...     main=np.array([1, 3, 3]),
        ...     objects=np.array([2, 1, 1]),
        ...     settled=np.array([True, True, True]),
        ...     outcome=np.array(["extended", "changed", "confirmed"], object),
        ...     probability=likely,
        ...     kept=kept,
        ...     frequency=likely,
        ...     reviewed=True,
        ...     version="",
        ...     sources="",
        ... )
        >>> ranks = np.array([[2, 1], [1, 3], [3, 1]])  # the classes of one model, best first
        >>> results = on_photographs(ranks, reference, Subsets({}, {}), has_top5=True, level=0.95)
        >>> whole = [result for result in results if result.subset in (ALL, REVIEWED)]
        >>> for result in whole:
        ...     print(f"{result.metric}, {result.subset}: {result.estimate.value:.2f} of {result.estimate.n}")
        top1_original, all: 0.67 of 3
        top5_original, all: 1.00 of 3
        top1_original, reviewed: 0.67 of 3
        real_accuracy, all: 0.67 of 3
        multi_label, reviewed: 0.67 of 3
        multi_label_top5, reviewed: 1.00 of 3
        main_label, reviewed: 0.33 of 3
        selection_frequency, all: 0.63 of 3
        frequency_gap, all: -0.03 of 3
        nobody_asked, all: 0.00 of 3
    """
    inputs = _EvalInputs(ranks, reference, ranks[:, 0] != NONE, level)
    if not inputs.predicted.any():
        return
    everywhere, has_settled = np.ones(len(ranks), np.bool_), bool(reference.settled.any())
    for metric, subset, measure, on_truth in OVERALL:
        if (has_top5 or metric not in (TOP_5, MULTI_LABEL_TOP5)) and (has_settled or not on_truth):
            yield MetricResult(PHOTOGRAPHS, metric, subset, measure(inputs, everywhere), on_truth)
    superclasses = {f"{SUPERCLASS}{name}": subset_mask for name, subset_mask in subsets.superclasses.items()}
    objects = {SINGLE: reference.objects == 1, MULTI: reference.objects > 1}
    by_label = BY_LABEL if has_settled else [row for row in BY_LABEL if not row[2]]
    yield from _per_subset(inputs, by_label, objects)
    if reference.reviewed and reference.asked.any():
        asked = {ALL: everywhere, ASKED: reference.asked, **objects, **superclasses}
        yield from _per_subset(inputs, FREQUENCIES, asked)
    yield from _per_subset(inputs, BY_OUTCOME, {name: reference.outcome == name for name in OUTCOMES})
    yield from _per_subset(inputs, by_label, superclasses)
    yield from _per_subset(inputs, by_label, subsets.groups)
    yield from _balanced(inputs, by_label, subsets.groups)


@dataclass(frozen=True)
class _EvalInputs:
    """One model's predictions and the reference labels."""

    ranks: Ints
    reference: ReferenceLabels
    predicted: Bools
    level: float

    def original(self, subset_mask: Bools, k: int) -> Estimate:
        """Share of photographs whose original label is in the top k."""
        counted = subset_mask & self.predicted & (self.reference.original != NONE)
        hits = (self.ranks[counted, :k] == self.reference.original[counted, None]).any(axis=1)
        return proportion(hits, self.level)

    def main(self, subset_mask: Bools) -> Estimate:
        """Share of photographs whose main label is the top-1 class."""
        counted = subset_mask & self.predicted & self.reference.settled & (self.reference.main != NONE)
        return proportion(self.ranks[counted, 0] == self.reference.main[counted], self.level)

    def labels(self, subset_mask: Bools, k: int = 1) -> Estimate:
        """Share of photographs with a valid label in the top k, over those that have a valid label."""
        counted = subset_mask & self.predicted & self.reference.has_labels
        kept, probability_correct = self._top_k_hits[k]
        return uncertain_proportion(proportion(kept[counted], self.level), probability_correct[counted], self.level)

    def settled_labels(self, subset_mask: Bools, k: int = 1) -> Estimate:
        """The same over the photographs with settled labels."""
        return self.labels(subset_mask & self.reference.settled, k)

    def frequency(self, subset_mask: Bools) -> Estimate:
        """Mean selection frequency of the top-1 class, where people were asked about it."""
        frequencies = self._frequency[subset_mask & self.predicted]
        frequencies = frequencies[~np.isnan(frequencies)]
        return wilson(float(frequencies.sum()), len(frequencies), self.level)

    def frequency_gap(self, subset_mask: Bools) -> Estimate:
        """Mean selection frequency of the top-1 class less that of the original label, where both are known."""
        gaps = (self._frequency - self._original_frequency)[subset_mask & self.predicted]
        return paired_mean(gaps[~np.isnan(gaps)], self.level)

    def nobody_asked(self, subset_mask: Bools) -> Estimate:
        """Share of photographs where nobody was asked about the top-1 class."""
        return proportion(np.isnan(self._frequency[subset_mask & self.predicted]), self.level)

    @cached_property
    def _frequency(self) -> Floats:
        return self.reference.frequency.of(self.ranks[:, 0], np.nan)

    @cached_property
    def _original_frequency(self) -> Floats:
        return self.reference.frequency.of(self.reference.original, np.nan)

    @cached_property
    def _top_k_hits(self) -> dict[int, tuple[Bools, Floats]]:
        """k -> ``(N,)``: whether a label in the top k is kept, and the probability that one is valid."""
        kept: Bools = np.greater(self.reference.kept.of(self.ranks[:, :TOP_K]), 0)
        none = 1 - self.reference.probability.of(self.ranks[:, :TOP_K])
        return {k: (np.logical_or.reduce(kept[:, :k], axis=1), 1 - np.prod(none[:, :k], axis=1)) for k in (1, TOP_K)}


Measure = Callable[[_EvalInputs, Bools], Estimate]

OVERALL: Final[tuple[tuple[str, str, Measure, bool], ...]] = (
    (TOP_1, ALL, lambda inputs, subset_mask: inputs.original(subset_mask, 1), False),
    (TOP_5, ALL, lambda inputs, subset_mask: inputs.original(subset_mask, TOP_K), False),
    (TOP_1, REVIEWED, lambda inputs, subset_mask: inputs.original(subset_mask & inputs.reference.settled, 1), False),
    (REAL, ALL, _EvalInputs.labels, True),
    (MULTI_LABEL, REVIEWED, _EvalInputs.settled_labels, True),
    (MULTI_LABEL_TOP5, REVIEWED, lambda inputs, subset_mask: inputs.settled_labels(subset_mask, TOP_K), True),
    (MAIN_LABEL, REVIEWED, _EvalInputs.main, True),
)
"""MetricResult, subset, how it is measured, and whether votes decide what is right."""
BY_LABEL: Final[tuple[tuple[str, Measure, bool], ...]] = (
    (TOP_1, lambda inputs, subset_mask: inputs.original(subset_mask, 1), False),
    (REAL, _EvalInputs.labels, True),
    (MULTI_LABEL, _EvalInputs.settled_labels, True),
    (MAIN_LABEL, _EvalInputs.main, True),
)
BY_OUTCOME: Final[tuple[tuple[str, Measure, bool], ...]] = (
    (TOP_1, lambda inputs, subset_mask: inputs.original(subset_mask, 1), False),
    (MULTI_LABEL, _EvalInputs.settled_labels, True),
)
FREQUENCIES: Final[tuple[tuple[str, Measure, bool], ...]] = (
    (FREQUENCY, _EvalInputs.frequency, True),
    (FREQUENCY_GAP, _EvalInputs.frequency_gap, True),
    (NOBODY_ASKED, _EvalInputs.nobody_asked, True),
)


def _per_subset(
    inputs: _EvalInputs, metrics: Sequence[tuple[str, Measure, bool]], subsets: Mapping[str, Bools]
) -> Iterator[MetricResult]:
    """Every metric on every subset that is not empty."""
    for metric, measure, on_truth in metrics:
        for subset, subset_mask in subsets.items():
            estimate = measure(inputs, subset_mask)
            if estimate.n:
                yield MetricResult(PHOTOGRAPHS, metric, subset, estimate, on_truth)


def _balanced(
    inputs: _EvalInputs, metrics: Sequence[tuple[str, Measure, bool]], groups: Mapping[str, Bools]
) -> Iterator[MetricResult]:
    """The mean of each metric over the groups."""
    for metric, measure, on_truth in metrics:
        estimate = mean_estimate([measure(inputs, subset_mask) for subset_mask in groups.values()])
        if estimate.n:
            yield MetricResult(PHOTOGRAPHS, metric, BALANCED, estimate, on_truth)
