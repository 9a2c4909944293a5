"""Metrics on swapped backgrounds: variants, BG-Gap, the two compositions, adversarial backgrounds.

Sources: Xiao et al. 2020: the most probable of all classes, then the map to groups, a class in
no group is wrong; BG-Gap is accuracy on Mixed-Same minus Mixed-Rand; challenge accuracy is the
share of foregrounds that no background at all turns wrong, their own included. The three stricter
shares look at foregrounds that were right on the original, and at backgrounds of other groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from reground.tasks.evaluation.result import MetricResult, by_group, shares
from reground.tasks.kernels.intervals import Estimate, paired_difference
from reground.tasks.schema import PUBLISHED_VARIANTS, VARIANTS

BG_GAP: Final = ("mixed_same", "mixed_rand")
"""The two variants of the BG-Gap, composed by mask, or (with the suffix) as published."""
PUBLISHED_SUFFIX: Final = "_published"
"""Suffix of a variant composed as published."""
ADVERSARIAL: Final = "adversarial"
"""The set of foregrounds on the backgrounds of the adversarial search."""
OUTCOMES: Final = ("misled", "unmapped", "robust")
"""The worst that backgrounds of other groups do: change the predicted group, lead to no group, nothing."""


def group_hits(predictions: pd.DataFrame, group_of_image: pd.Series, group_of: Mapping[int, int]) -> pd.DataFrame:
    """The group of each predicted image of a variant, and whether the top-1 class belongs to it.

    Args:
        predictions: of one variant, indexed by image_id, with ``class_idx`` (best first).
        group_of_image: image_id -> group, from ``variants/NAME``.
        group_of: class -> group.

    Returns:
        Columns group and hit (bool), indexed by image_id, without images that the variant lacks.
    """
    common = predictions.loc[predictions.index.intersection(group_of_image.index)]
    group = group_of_image.loc[common.index]
    predicted_group = pd.Series(top_1(common), common.index).map(group_of)
    return pd.DataFrame({"group": group, "hit": (predicted_group == group).to_numpy(bool)}, index=common.index)


def top_1(predictions: pd.DataFrame) -> npt.NDArray[np.int64]:
    """``(N,)`` class index of the most probable class; -1: outside the vocabulary."""
    return np.array([row[0] for row in predictions["class_idx"]], np.int64)


def on_variants(hits: Mapping[str, pd.DataFrame], names: Mapping[int, str], level: float) -> Iterator[MetricResult]:
    """Group accuracy of each variant, BG-Gap, and the difference of the compositions: overall and by group.

    Args:
        hits: variant -> result of `group_hits`; empty where it was not predicted.
        names: of the groups.
        level: of the intervals, 0 to 1.

    Examples:
        >>> from collections import defaultdict
        >>> columns = {"group": [0, 0, 1, 1], "hit": [True, True, True, True]}
        >>> same = pd.DataFrame(columns, index=["a", "b", "c", "d"])
        >>> rand = same.assign(hit=[True, False, True, False])
        >>> hits = defaultdict(same.iloc[:0].copy, mixed_same=same, mixed_rand=rand)  # of the other variants no image
        >>> for result in on_variants(hits, {0: "Dog", 1: "Bird"}, level=0.95):
        ...     if result.subset == "all":
        ...         print(result.metric, result.set, round(result.estimate.value, 2))
        group_accuracy mixed_same 1.0
        group_accuracy mixed_rand 0.5
        bg_gap mixed_same,mixed_rand 0.5
    """
    for variant in (*VARIANTS, *PUBLISHED_VARIANTS):
        yield from shares(variant, "group_accuracy", hits[variant], names, level)
    for end in ("", PUBLISHED_SUFFIX):
        same, rand = (f"{name}{end}" for name in BG_GAP)
        yield from differences("bg_gap", same, rand, hits, names, level)
    for published in PUBLISHED_VARIANTS:
        masked = published.removesuffix(PUBLISHED_SUFFIX)
        yield from differences("mask_minus_published", masked, published, hits, names, level)


def differences(
    metric: str,
    first_variant: str,
    second_variant: str,
    hits: Mapping[str, pd.DataFrame],
    names: Mapping[int, str],
    level: float,
) -> Iterator[MetricResult]:
    """Accuracy on one variant minus accuracy on another, over their common images."""

    def difference(pairs: pd.DataFrame) -> Estimate:
        return paired_difference(pairs["hit"].to_numpy(bool), pairs["hit_second"].to_numpy(bool), level)

    joined = hits[first_variant].join(hits[second_variant]["hit"], how="inner", rsuffix="_second")
    yield from by_group(f"{first_variant},{second_variant}", metric, joined, names, difference)


def on_adversarial(rows: pd.DataFrame, names: Mapping[int, str], level: float) -> Iterator[MetricResult]:
    """Challenge accuracy as published, and the stricter shares, overall and by group.

    Args:
        rows: rows of ``adversarial/MODEL``: group, vulnerable, clean_correct, outcome.
        names: of the groups.
        level: of the intervals, 0 to 1.

    Examples:
        >>> searched = pd.DataFrame(
        ...     {
        ...         "group": [0, 0, 0, 0],
        ...         "vulnerable": [True, True, False, True],
        ...         "clean_correct": [True, True, True, False],
        ...         "outcome": ["misled", "unmapped", "robust", None],
        ...     }
        ... )
        >>> for result in on_adversarial(searched, {0: "Dog"}, level=0.95):
        ...     if result.subset == "all":
        ...         print(result.metric, round(result.estimate.value, 2), result.estimate.n)
        clean_accuracy 0.75 4
        challenge_accuracy 0.25 4
        misled 0.33 3
        unmapped 0.33 3
        robust 0.33 3
    """
    outcomes = rows.assign(robust=~rows["vulnerable"].astype(bool))
    yield from shares(ADVERSARIAL, "clean_accuracy", outcomes, names, level, "clean_correct")
    yield from shares(ADVERSARIAL, "challenge_accuracy", outcomes, names, level, "robust")
    clean_correct = outcomes[outcomes["outcome"].notna()]
    for outcome in OUTCOMES:
        matches = clean_correct.assign(hit=clean_correct["outcome"] == outcome)
        yield from shares(ADVERSARIAL, outcome, matches, names, level)
