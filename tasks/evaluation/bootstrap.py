"""The metrics by which models are compared, and their bootstrap samples.

A resample draws photographs with replacement, and draws whether each label is valid from its probability (as in
`ReferenceLabels`), independently of all others. Original labels, main labels, and the set of photographs that
count stay fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reground.tasks.evaluation.metrics import MAIN_LABEL, MULTI, MULTI_LABEL, REAL, REVIEWED, SINGLE, TOP_1
from reground.tasks.evaluation.reference import NONE, ReferenceLabels
from reground.tasks.evaluation.result import ALL
from reground.tasks.kernels.resample import resample
from reground.tasks.votes import Bools, Floats, Ints

Key = tuple[str, str]
"""MetricResult and subset."""
LABEL_KEYS: Final[tuple[Key, ...]] = ((REAL, ALL), (MULTI_LABEL, REVIEWED), (MULTI_LABEL, SINGLE), (MULTI_LABEL, MULTI))
FIXED_KEYS: Final[tuple[Key, ...]] = (
    (TOP_1, ALL),
    (TOP_1, REVIEWED),
    (TOP_1, SINGLE),
    (TOP_1, MULTI),
    (MAIN_LABEL, REVIEWED),
)
COMPARISON_KEYS: Final = (*FIXED_KEYS, *LABEL_KEYS)


@dataclass(frozen=True)
class Resampling:
    """How models are resampled.

    Attributes:
        resamples: number of resamples.
        seed: of the random draws.
        level: of the intervals, 0 to 1.
    """

    resamples: int
    seed: int
    level: float

    def interval(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Percentile interval over the first axis; resamples without a photograph (NaN) are ignored."""
        ends = (1 - self.level) / 2
        quantile = np.nanquantile if np.isnan(values).any() else np.quantile
        return quantile(values, (ends, 1 - ends), axis=0)


def is_correct(reference: ReferenceLabels, metric: str, top_1: Ints) -> Bools:
    """``(N, M) bool``: whether the top-1 class is correct by the settled labels."""
    if metric == TOP_1:
        return top_1 == reference.original[:, None]
    if metric == MAIN_LABEL:
        return top_1 == reference.main[:, None]
    return reference.kept.of(top_1) > 0


def counted_mask(reference: ReferenceLabels, metric: str, subset: str, common: Bools) -> Bools:
    """``(N,) bool``: the photographs among ``common`` that count for a metric and subset."""
    of_metric = {
        TOP_1: reference.original != NONE,
        MAIN_LABEL: reference.settled & (reference.main != NONE),
        REAL: reference.has_labels & reference.settled.any(),
        MULTI_LABEL: reference.settled,
    }
    of_subset = {ALL: True, REVIEWED: reference.settled, SINGLE: reference.objects == 1, MULTI: reference.objects > 1}
    return common & of_metric[metric] & of_subset[subset]


def draw_samples(
    reference: ReferenceLabels, top_1: Ints, common: Bools, resampling: Resampling
) -> Mapping[Key, Floats]:
    """Bootstrap samples of each metric and subset: ``(R, M)`` share correct of each model in each resample.

    Args:
        reference: the reference labels.
        top_1: ``(N, M)`` top-1 class of each model.
        common: ``(N,) bool``, the photographs that all of them predicted.
        resampling: number of resamples and seed.
    """
    stratum = 6 * reference.has_labels + 3 * reference.settled + np.minimum(reference.objects, 2)
    order = np.flatnonzero(common)[np.argsort(stratum[common], kind="stable")]
    strata, stratum_index = np.unique(stratum[order], return_inverse=True)
    image, probability, selected = _labels(reference, top_1, order)
    fixed_columns = [_columns(reference, top_1, key, common)[order] for key in FIXED_KEYS]
    fixed = np.concatenate([*fixed_columns, np.ones((len(order), 1), np.float32)], axis=1)
    sums = resample(stratum_index, image, probability, selected, fixed, resampling.resamples, resampling.seed)
    stride = top_1.shape[1] + 1
    samples: dict[Key, Floats] = {}
    for n, key in enumerate(FIXED_KEYS):
        columns = sums.fixed[:, :, n * stride : (n + 1) * stride].sum(axis=0)
        samples[key] = _shares(columns[:, :-1], columns[:, -1])
    for key in LABEL_KEYS:
        mask = _counted_strata(strata, *key)
        samples[key] = _shares(sums.hits[mask].sum(axis=0), sums.fixed[mask, :, -1].sum(axis=0))
    return samples


def _labels(reference: ReferenceLabels, top_1: Ints, order: Ints) -> tuple[Ints, Any, Any]:
    """The labels that some model predicted: photograph, probability, and ``(L, M)`` which models."""
    position = np.full(len(top_1), -1, np.int64)
    position[order] = np.arange(len(order))
    selected = np.zeros((len(reference.probability.image), top_1.shape[1]), np.float32)
    matches = reference.probability.find(top_1)
    for m in range(top_1.shape[1]):
        selected[matches[matches[:, m] >= 0, m], m] = 1
    image = position[reference.probability.image]
    mask = np.argsort(image, kind="stable")
    mask = mask[(image[mask] >= 0) & selected[mask].any(axis=1)]
    return image[mask], reference.probability.value[mask].astype(np.float32), selected[mask]


def _columns(reference: ReferenceLabels, top_1: Ints, key: Key, common: Bools) -> npt.NDArray[np.float32]:
    """``(N, M + 1)``: hits of each model, then whether the photograph counts."""
    mask = counted_mask(reference, *key, common)[:, None]
    return np.concatenate([is_correct(reference, key[0], top_1) & mask, mask], axis=1).astype(np.float32)


def _counted_strata(strata: Ints, metric: str, subset: str) -> Bools:
    """Strata of photographs that count for a metric on people's labels."""
    has_labels, settled, objects = strata >= 6, strata % 6 >= 3, strata % 3
    of_subset = {ALL: True, REVIEWED: True, SINGLE: objects == 1, MULTI: objects == 2}
    return (has_labels if metric == REAL else settled) & of_subset[subset]


def _shares(hits: npt.NDArray[np.float32], counted: npt.NDArray[np.float32]) -> Floats:
    with np.errstate(invalid="ignore"):
        return hits.astype(np.float64) / counted.astype(np.float64)[:, None]
