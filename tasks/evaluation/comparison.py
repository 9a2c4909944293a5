"""Compare models on the same photographs: differences with intervals and tests, and ranks.

Each pair is compared over the photographs that both predicted. A resample draws photographs with replacement
(unstratified) and draws whether each label is valid (`reground.tasks.evaluation.bootstrap`). Tests use the
settled labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reground.tasks.evaluation.bootstrap import COMPARISON_KEYS, Key, Resampling, counted_mask, draw_samples, is_correct
from reground.tasks.evaluation.metrics import MULTI_LABEL, REVIEWED, TOP_1
from reground.tasks.evaluation.reference import NONE, ReferenceLabels
from reground.tasks.evaluation.result import MetricResult
from reground.tasks.kernels.intervals import Estimate, paired_counts
from reground.tasks.schema import PHOTOGRAPHS
from reground.tasks.votes import Bools, Floats, Ints

BEFORE: Final[Key] = (TOP_1, REVIEWED)
AFTER: Final[Key] = (MULTI_LABEL, REVIEWED)
"""The metrics of the two rankings: over the same photographs, so that only the labels differ."""
RANK_BEFORE, RANK_AFTER, RANK_CHANGE = "rank_original", "rank_multi_label", "rank_change"


@dataclass
class ModelComparison:
    """A comparison of M models.

    Attributes:
        models: their names, M of them.
        top_1: ``(N, M)`` top-1 class of each model; `NONE`: not predicted.
        reference: the reference labels.
        resampling: number of resamples, seed, and level of the intervals.
    """

    models: Sequence[str]
    top_1: Ints
    reference: ReferenceLabels
    resampling: Resampling
    _cache: dict[tuple[bytes, bytes], Mapping[Key, Floats]] = field(default_factory=dict, repr=False)

    def rows(self) -> list[dict[str, Any]]:
        """Rows of ``comparison``, with p-values corrected across the pairs of each metric and subset."""
        from reground.tasks.kernels.paired_tests import holm  # imports SciPy, which few commands need

        rows = [
            row
            for members, pairs, common in self._overlap_groups()
            for row in self._differences(members, pairs, common)
        ]
        for key in COMPARISON_KEYS:
            family = [row for row in rows if (row["metric"], row["subset"]) == key]
            for row, adjusted_p in zip(family, holm(np.array([row["p_value"] for row in family])), strict=True):
                row["p_holm"] = float(adjusted_p)
        return rows

    def ranks(self) -> Iterator[tuple[str, MetricResult]]:
        """Each model's rank on original and on re-grounded labels, 1 the best, and the change (positive: it rose).

        Over the photographs that all models predicted; empty where there are none, or only one model.
        """
        common = (self.top_1 != NONE).all(axis=1)
        n = int(counted_mask(self.reference, *AFTER, common).sum())
        if len(self.models) < 2 or not n:
            return
        members = np.arange(len(self.models))
        samples = self._samples(members, common)
        before, after = (self._observed_ranks(key, common) for key in (BEFORE, AFTER))
        samples_before, samples_after = _rank_rows(samples[BEFORE]), _rank_rows(samples[AFTER])
        for metric, value, rank_samples in (
            (RANK_BEFORE, before, samples_before),
            (RANK_AFTER, after, samples_after),
            (RANK_CHANGE, before - after, samples_before - samples_after),
        ):
            low, high = self.resampling.interval(rank_samples)
            for m, model in enumerate(self.models):
                bounds = min(low[m], value[m]), max(high[m], value[m])
                estimate = Estimate(float(value[m]), float(bounds[0]), float(bounds[1]), n)
                yield model, MetricResult(PHOTOGRAPHS, metric, REVIEWED, estimate, metric != RANK_BEFORE)

    def _observed_ranks(self, key: Key, common: Bools) -> Floats:
        mask = counted_mask(self.reference, *key, common)
        return _rank_rows(is_correct(self.reference, key[0], self.top_1)[mask].mean(axis=0)[None])[0]

    def _overlap_groups(self) -> Iterator[tuple[Ints, list[tuple[int, int]], Bools]]:
        """Groups of models with photographs in common: model indices, the pairs to compare, the photographs."""
        predicted = self.top_1 != NONE
        coverage_ids: dict[bytes, int] = {}
        coverage = np.array(
            [coverage_ids.setdefault(column.tobytes(), len(coverage_ids)) for column in predicted.T], np.int64
        )
        for u, v in combinations_with_replacement(range(len(coverage_ids)), 2):
            members = np.flatnonzero((coverage == u) | (coverage == v))
            pairs = [
                (int(a), int(b))
                for n, a in enumerate(members)
                for b in members[n + 1 :]
                if u == v or coverage[a] != coverage[b]
            ]
            common = predicted[:, members].all(axis=1)
            if pairs and common.any():
                yield members, pairs, common

    def _samples(self, members: Ints, common: Bools) -> Mapping[Key, Floats]:
        key = members.tobytes(), common.tobytes()
        if key not in self._cache:
            self._cache = {key: draw_samples(self.reference, self.top_1[:, members], common, self.resampling)}
        return self._cache[key]

    def _differences(self, members: Ints, pairs: list[tuple[int, int]], common: Bools) -> Iterator[dict[str, Any]]:
        samples = self._samples(members, common)
        position = {int(m): n for n, m in enumerate(members)}
        for key in COMPARISON_KEYS:
            mask = counted_mask(self.reference, *key, common)
            if not mask.any():
                continue
            hits = is_correct(self.reference, key[0], self.top_1[:, members])[mask]
            table = _ContingencyTables(hits)
            for a, b in pairs:
                difference = self._difference(table, samples[key], position[a], position[b])
                yield {
                    "model_a": self.models[a],
                    "model_b": self.models[b],
                    "metric": key[0],
                    "subset": key[1],
                    **difference,
                }

    def _difference(self, table: _ContingencyTables, samples: Floats, a: int, b: int) -> dict[str, Any]:
        from reground.tasks.kernels.paired_tests import mcnemar

        n_both, only_a, only_b, n_neither = table.counts(a, b)
        estimate = paired_counts(n_both, only_a, only_b, n_neither, self.resampling.level)
        gaps = samples[:, a] - samples[:, b]
        low, high = self.resampling.interval(gaps)
        sign = np.sign(estimate.value) or 1.0
        return {
            "difference": estimate.value,
            "low": min(estimate.low, float(low)),
            "high": max(estimate.high, float(high)),
            "p_value": float(mcnemar(np.array([only_a]), np.array([only_b]))[0]),
            "order_held": float(np.mean((gaps * sign > 0) + 0.5 * (gaps == 0))),
            "only_a": only_a,
            "only_b": only_b,
            "n": estimate.n,
        }


class _ContingencyTables:
    """Contingency tables of correct predictions of every pair of M models, from one matrix product."""

    def __init__(self, hits: npt.NDArray[np.bool_]) -> None:
        counts = hits.astype(np.float32)
        self._together = counts.T @ counts
        self._n = len(hits)

    def counts(self, a: int, b: int) -> tuple[int, int, int, int]:
        """Number of photographs that both, only a, only b, and neither predict correctly."""
        n_both, n_a, n_b = (int(self._together[pair]) for pair in ((a, b), (a, a), (b, b)))
        return n_both, n_a - n_both, n_b - n_both, self._n - n_a - n_b + n_both


def _rank_rows(shares: Floats) -> Floats:
    """``(R, M)`` -> rank of each of M, 1 the best; ties share the better rank."""
    return 1.0 + (shares[:, None, :] > shares[:, :, None]).sum(axis=2)
