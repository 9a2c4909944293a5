"""Compare models judged on the same photographs: differences with intervals and tests, and ranks.

Each pair is compared over the photographs that both predicted. A resample draws photographs with
replacement (all alike, not stratified) and, for every label, anew whether it holds
(`reground.tasks.evaluation.bootstrap`). Tests look at the labels as settled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reground.tasks.evaluation.bootstrap import COMPARED, Key, Resampling, counted, draw, right
from reground.tasks.evaluation.metrics import MULTI_LABEL, REVIEWED, TOP_1
from reground.tasks.evaluation.reference import NONE, Bools, Floats, Ints, Judged
from reground.tasks.evaluation.result import Measured
from reground.tasks.kernels.intervals import Estimate, paired_counts
from reground.tasks.schema import PHOTOGRAPHS

BEFORE: Final[Key] = (TOP_1, REVIEWED)
AFTER: Final[Key] = (MULTI_LABEL, REVIEWED)
"""What models are ranked by: both over the same photographs, so that only the labels differ."""
RANK_BEFORE, RANK_AFTER, RANK_CHANGE = "rank_original", "rank_multi_label", "rank_change"


@dataclass
class Compared:
    """M models side by side.

    Attributes:
        models: their names, M of them.
        first: ``(N, M)`` most probable class of each; `NONE`: not predicted.
        judged: what they are judged by.
        how: they are resampled.
    """

    models: Sequence[str]
    first: Ints
    judged: Judged
    how: Resampling
    _drawn: dict[tuple[bytes, bytes], Mapping[Key, Floats]] = field(default_factory=dict, repr=False)

    def rows(self) -> list[dict[str, Any]]:
        """Rows of ``comparison``, with p-values corrected across the pairs of each metric and subset."""
        from reground.tasks.kernels.paired_tests import holm  # SciPy, which most commands do without

        rows = [row for members, pairs, common in self._classes() for row in self._differences(members, pairs, common)]
        for key in COMPARED:
            family = [row for row in rows if (row["metric"], row["subset"]) == key]
            for row, corrected in zip(family, holm(np.array([row["p_value"] for row in family])), strict=True):
                row["p_holm"] = float(corrected)
        return rows

    def ranks(self) -> Iterator[tuple[str, Measured]]:
        """Each model with its rank by original and by re-grounded labels, 1 the best, and how far it rose.

        Over the photographs that all models predicted; nothing where there are none, or but one model.
        """
        common = (self.first != NONE).all(axis=1)
        n = int(counted(self.judged, *AFTER, common).sum())
        if len(self.models) < 2 or not n:
            return
        members = np.arange(len(self.models))
        drawn = self._draw(members, common)
        before, after = (self._ranks(key, common) for key in (BEFORE, AFTER))
        drawn_before, drawn_after = _ranked(drawn[BEFORE]), _ranked(drawn[AFTER])
        for metric, value, resampled in (
            (RANK_BEFORE, before, drawn_before),
            (RANK_AFTER, after, drawn_after),
            (RANK_CHANGE, before - after, drawn_before - drawn_after),
        ):
            low, high = self.how.interval(resampled)
            for m, model in enumerate(self.models):
                ends = min(low[m], value[m]), max(high[m], value[m])
                estimate = Estimate(float(value[m]), float(ends[0]), float(ends[1]), n)
                yield model, Measured(PHOTOGRAPHS, metric, REVIEWED, estimate, metric != RANK_BEFORE)

    def _ranks(self, key: Key, common: Bools) -> Floats:
        here = counted(self.judged, *key, common)
        return _ranked(right(self.judged, key[0], self.first)[here].mean(axis=0)[None])[0]

    def _classes(self) -> Iterator[tuple[Ints, list[tuple[int, int]], Bools]]:
        """Models that share photographs: their indices, the pairs of them to compare, the photographs."""
        covered = self.first != NONE
        kinds: dict[bytes, int] = {}
        kind = np.array([kinds.setdefault(column.tobytes(), len(kinds)) for column in covered.T], np.int64)
        for u, v in combinations_with_replacement(range(len(kinds)), 2):
            members = np.flatnonzero((kind == u) | (kind == v))
            pairs = [
                (int(a), int(b))
                for n, a in enumerate(members)
                for b in members[n + 1 :]
                if u == v or kind[a] != kind[b]
            ]
            common = covered[:, members].all(axis=1)
            if pairs and common.any():
                yield members, pairs, common

    def _draw(self, members: Ints, common: Bools) -> Mapping[Key, Floats]:
        key = members.tobytes(), common.tobytes()
        if key not in self._drawn:
            self._drawn = {key: draw(self.judged, self.first[:, members], common, self.how)}
        return self._drawn[key]

    def _differences(self, members: Ints, pairs: list[tuple[int, int]], common: Bools) -> Iterator[dict[str, Any]]:
        drawn = self._draw(members, common)
        place = {int(m): n for n, m in enumerate(members)}
        for key in COMPARED:
            here = counted(self.judged, *key, common)
            if not here.any():
                continue
            hits = right(self.judged, key[0], self.first[:, members])[here]
            table = _Crossed(hits)
            for a, b in pairs:
                made = self._difference(table, drawn[key], place[a], place[b])
                yield {"model_a": self.models[a], "model_b": self.models[b], "metric": key[0], "subset": key[1], **made}

    def _difference(self, table: _Crossed, drawn: Floats, a: int, b: int) -> dict[str, Any]:
        from reground.tasks.kernels.paired_tests import mcnemar

        both, only_a, only_b, neither = table.counts(a, b)
        estimate = paired_counts(both, only_a, only_b, neither, self.how.level)
        gaps = drawn[:, a] - drawn[:, b]
        low, high = self.how.interval(gaps)
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


class _Crossed:
    """How often two of M models are right together, from one product of matrices."""

    def __init__(self, hits: npt.NDArray[np.bool_]) -> None:
        counts = hits.astype(np.float32)
        self._together = counts.T @ counts
        self._n = len(hits)

    def counts(self, a: int, b: int) -> tuple[int, int, int, int]:
        """Both right, only a, only b, neither."""
        both, one, other = (int(self._together[pair]) for pair in ((a, b), (a, a), (b, b)))
        return both, one - both, other - both, self._n - one - other + both


def _ranked(shares: Floats) -> Floats:
    """``(R, M)`` -> rank of each of M, 1 the best; equals share the better rank."""
    return 1.0 + (shares[:, None, :] > shares[:, :, None]).sum(axis=2)
