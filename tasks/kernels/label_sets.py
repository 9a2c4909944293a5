"""How far two sets of labels of the same images agree: exact matches, precision, recall and F1.

Precision is the share of the first set's labels that the second has, recall the share of the second's that the first
has, over all images (micro averages); F1 is their harmonic mean. The two change places with the sets. Intervals are
percentiles of resampled images (`reground.tasks.kernels.resample`), and never narrower than the score interval of the
labels as independent ones (Wilson 1927), which is informative even where no image disagrees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reground.tasks.kernels.intervals import Estimate, proportion, wilson
from reground.tasks.kernels.resample import resample

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LabelPairs:
    """The labels of N images by two sets, each pair of an image and a label once.

    Attributes:
        image: ``(P,)`` index of the image, ascending.
        label: ``(P,)``.
        first: ``(P,) bool``, whether the first set has the label.
        second: ``(P,) bool``, whether the second has it.
    """

    image: Ints
    label: Ints
    first: Bools
    second: Bools

    def select(self, rows: Ints) -> LabelPairs:
        """The pairs at some indices, ascending."""
        return LabelPairs(self.image[rows], self.label[rows], self.first[rows], self.second[rows])


@dataclass(frozen=True)
class SetAgreement:
    """How far two sets agree; every estimate's ``n`` is the number of images.

    Attributes:
        first, second, both: number of labels in each set, and in both.
        exact: share of images on which the sets are equal, with Wilson's interval.
        precision: of the first set against the second.
        recall: likewise.
        f1: likewise.
    """

    first: int
    second: int
    both: int
    exact: Estimate
    precision: Estimate
    recall: Estimate
    f1: Estimate


def pair_labels(first: tuple[Ints, Ints], second: tuple[Ints, Ints]) -> LabelPairs:
    """The union of two sets of labels.

    Args:
        first: ``(A,)`` image and ``(A,)`` label of each label of the first set; labels are 0 or more.
        second: likewise, of the second set.

    Examples:
        >>> pairs = pair_labels((np.array([0, 1]), np.array([7, 3])), (np.array([0, 0]), np.array([7, 8])))
        >>> pairs.image.tolist(), pairs.label.tolist(), pairs.first.tolist(), pairs.second.tolist()
        ([0, 0, 1], [7, 8, 3], [True, False, True], [True, True, False])
    """
    width = 1 + max(int(label.max(initial=0)) for _, label in (first, second))
    keys = [image * width + label for image, label in (first, second)]
    union = np.union1d(keys[0], keys[1]).astype(np.int64)
    return LabelPairs(union // width, union % width, np.isin(union, keys[0]), np.isin(union, keys[1]))


def set_agreement(
    pairs: LabelPairs, images: int | None, resamples: int, seed: int, level: float = 0.95
) -> SetAgreement:
    """Agreement of two sets over all images, those without a label in either included.

    Args:
        pairs: the labels.
        images: N; None: over the images with a label in ``pairs`` alone.
        resamples: number of bootstrap resamples.
        seed: of the draws.
        level: of the intervals, 0 to 1.

    Returns:
        Estimates are NaN where nothing is counted.

    Examples:
        Two of three images have the same labels; one label of four is in the first set alone.

        >>> first = np.array([0, 1, 1, 2]), np.array([7, 7, 8, 3])
        >>> second = np.array([0, 1, 2]), np.array([7, 7, 3])
        >>> agreement = set_agreement(pair_labels(first, second), images=3, resamples=100, seed=0)
        >>> round(agreement.exact.value, 3), agreement.precision.value, agreement.recall.value
        (0.667, 0.75, 1.0)
        >>> round(agreement.f1.value, 3), agreement.f1.n
        (0.857, 3)
    """
    image = pairs.image if images is not None else np.unique(pairs.image, return_inverse=True)[1]
    size = int(image.max(initial=-1)) + 1 if images is None else images
    masks = (pairs.first, pairs.second, pairs.first & pairs.second)
    columns = np.stack([np.bincount(image, mask, size) for mask in masks], axis=1).astype(np.float64)
    first, second, both = (int(total) for total in columns.sum(axis=0))
    drawn = _draw(columns, resamples, seed)
    jaccard = wilson(both, first + second - both, level)
    return SetAgreement(
        first,
        second,
        both,
        exact=proportion((columns == columns[:, 2:]).all(axis=1), level),
        precision=_widen(wilson(both, first, level), drawn[:, 2], drawn[:, 0], size, level),
        recall=_widen(wilson(both, second, level), drawn[:, 2], drawn[:, 1], size, level),
        f1=_widen(_dice(jaccard), 2 * drawn[:, 2], drawn[:, 0] + drawn[:, 1], size, level),
    )


def disagreement(pairs: LabelPairs, confidence: Floats, images: int) -> Floats:
    """``(N,)``: how much of an image's labels only one set has, 0 to 1; a label counts by its confidence.

    The Jaccard distance, where all labels are certain; 0 where neither set has a label.

    Args:
        pairs: the labels.
        confidence: ``(P,)`` of each label in the set that has it, 0 to 1.
        images: N.

    Examples:
        >>> pairs = pair_labels((np.array([0, 1]), np.array([7, 7])), (np.array([0, 1]), np.array([7, 8])))
        >>> disagreement(pairs, np.array([1.0, 0.5, 1.0]), images=2).tolist()
        [0.0, 0.75]
    """
    disputed = np.bincount(pairs.image, np.where(pairs.first & pairs.second, 0.0, confidence), images)
    return disputed / np.maximum(np.bincount(pairs.image, minlength=images), 1)


def _draw(columns: Floats, resamples: int, seed: int) -> Floats:
    """``(R, F)``: sums of the columns over resampled images."""
    none = np.zeros(0, np.int64)
    part = np.zeros(len(columns), np.int64)
    if not len(part):
        return np.zeros((resamples, columns.shape[1]))
    fixed, empty = columns.astype(np.float32), np.zeros(0, np.float32)
    sums = resample(part, none, empty, np.zeros((0, 0), np.float32), fixed, resamples, seed)
    return sums.fixed[0].astype(np.float64)


def _widen(bound: Estimate, numerator: Floats, denominator: Floats, n: int, level: float) -> Estimate:
    """A value with the wider of two intervals: its own, and that of a ratio of resampled sums."""
    drawn = denominator > 0
    if math.isnan(bound.value) or not drawn.any():
        return bound._replace(n=n)
    ends = np.quantile(numerator[drawn] / denominator[drawn], ((1 - level) / 2, (1 + level) / 2))
    return Estimate(bound.value, min(float(ends[0]), bound.low), max(float(ends[1]), bound.high), n)


def _dice(jaccard: Estimate) -> Estimate:
    """F1 from the share of the union that both sets have: it rises with it."""
    value, low, high = (2 * number / (1 + number) for number in jaccard[:3])
    return Estimate(value, low, high, jaccard.n)
