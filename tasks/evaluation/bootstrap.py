"""What models are compared by, and what other photographs and other votes might have given.

A resample draws photographs with replacement, and every label anew: it holds with its probability (as
`reference.Judged` has it), independently of all others. Original and main labels stay, and so does
which photographs count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reground.tasks.evaluation.metrics import MAIN_LABEL, MULTI, MULTI_LABEL, REAL, REVIEWED, SINGLE, TOP_1
from reground.tasks.evaluation.reference import NONE, Bools, Floats, Ints, Judged
from reground.tasks.evaluation.result import ALL
from reground.tasks.kernels.resample import resample

Key = tuple[str, str]
"""Metric and subset."""
ON_LABELS: Final[tuple[Key, ...]] = ((REAL, ALL), (MULTI_LABEL, REVIEWED), (MULTI_LABEL, SINGLE), (MULTI_LABEL, MULTI))
AS_GIVEN: Final[tuple[Key, ...]] = (
    (TOP_1, ALL),
    (TOP_1, REVIEWED),
    (TOP_1, SINGLE),
    (TOP_1, MULTI),
    (MAIN_LABEL, REVIEWED),
)
COMPARED: Final = (*AS_GIVEN, *ON_LABELS)


@dataclass(frozen=True)
class Resampling:
    """How models are resampled.

    Attributes:
        resamples: how often.
        seed: of the draws.
        level: of the intervals, 0 to 1.
    """

    resamples: int
    seed: int
    level: float

    def interval(self, drawn: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """The two percentiles over the first axis, of the resamples that drew any photograph."""
        ends = (1 - self.level) / 2
        quantile = np.nanquantile if np.isnan(drawn).any() else np.quantile
        return quantile(drawn, (ends, 1 - ends), axis=0)


def right(judged: Judged, metric: str, first: Ints) -> Bools:
    """``(N, M)``: is the most probable class right, by the labels as settled?"""
    if metric == TOP_1:
        return first == judged.original[:, None]
    if metric == MAIN_LABEL:
        return first == judged.main[:, None]
    return judged.kept.of(first) > 0


def counted(judged: Judged, metric: str, subset: str, common: Bools) -> Bools:
    """``(N,)``: the photographs of a metric and subset among ``common``, by the labels as settled."""
    of_metric = {
        TOP_1: judged.original != NONE,
        MAIN_LABEL: judged.settled & (judged.main != NONE),
        REAL: judged.has_labels & judged.reviewed,
        MULTI_LABEL: judged.settled,
    }
    of_subset = {ALL: True, REVIEWED: judged.settled, SINGLE: judged.objects == 1, MULTI: judged.objects > 1}
    return common & of_metric[metric] & of_subset[subset]


def draw(judged: Judged, first: Ints, common: Bools, how: Resampling) -> Mapping[Key, Floats]:
    """``(R, M)`` share of each model in each resample, of every metric and subset compared.

    Args:
        judged: what models are judged by.
        first: ``(N, M)`` most probable class of each.
        common: ``(N,)`` the photographs, which all of them predicted.
        how: to resample.
    """
    kind = 6 * judged.has_labels + 3 * judged.settled + np.minimum(judged.objects, 2)
    order = np.flatnonzero(common)[np.argsort(kind[common], kind="stable")]
    kinds, part = np.unique(kind[order], return_inverse=True)
    image, probability, chosen = _labels(judged, first, order)
    given = [_columns(judged, first, key, common)[order] for key in AS_GIVEN]
    fixed = np.concatenate([*given, np.ones((len(order), 1), np.float32)], axis=1)
    sums = resample(part, image, probability, chosen, fixed, how.resamples, how.seed)
    width = first.shape[1] + 1
    made: dict[Key, Floats] = {}
    for n, key in enumerate(AS_GIVEN):
        columns = sums.fixed[:, :, n * width : (n + 1) * width].sum(axis=0)
        made[key] = _shares(columns[:, :-1], columns[:, -1])
    for key in ON_LABELS:
        here = _of(kinds, *key)
        made[key] = _shares(sums.hits[here].sum(axis=0), sums.fixed[here, :, -1].sum(axis=0))
    return made


def _labels(judged: Judged, first: Ints, order: Ints) -> tuple[Ints, Any, Any]:
    """The labels that models chose for the photographs in ``order``: photograph, probability, and which models."""
    place = np.full(len(first), -1, np.int64)
    place[order] = np.arange(len(order))
    chosen = np.zeros((len(judged.probability.image), first.shape[1]), np.float32)
    found = judged.probability.find(first)
    for m in range(first.shape[1]):
        chosen[found[found[:, m] >= 0, m], m] = 1
    image = place[judged.probability.image]
    here = np.argsort(image, kind="stable")
    here = here[(image[here] >= 0) & chosen[here].any(axis=1)]
    return image[here], judged.probability.value[here].astype(np.float32), chosen[here]


def _columns(judged: Judged, first: Ints, key: Key, common: Bools) -> npt.NDArray[np.float32]:
    """``(N, M + 1)``: hits of each model, and whether the photograph counts."""
    here = counted(judged, *key, common)[:, None]
    return np.concatenate([right(judged, key[0], first) & here, here], axis=1).astype(np.float32)


def _of(kinds: Ints, metric: str, subset: str) -> Bools:
    """Which kinds of photographs a metric that rests on labels counts."""
    has_labels, settled, objects = kinds >= 6, kinds % 6 >= 3, kinds % 3
    of_subset = {ALL: True, REVIEWED: True, SINGLE: objects == 1, MULTI: objects == 2}
    return (has_labels if metric == REAL else settled) & of_subset[subset]


def _shares(hits: npt.NDArray[np.float32], counted: npt.NDArray[np.float32]) -> Floats:
    with np.errstate(invalid="ignore"):
        return hits.astype(np.float64) / counted.astype(np.float64)[:, None]
