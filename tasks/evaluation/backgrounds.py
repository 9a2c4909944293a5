"""Evaluate on swapped backgrounds: variants, BG-Gap, the two compositions, adversarial backgrounds.

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

from reground.tasks.evaluation.result import Measured, by_group, shares
from reground.tasks.kernels.intervals import Estimate, paired_difference
from reground.tasks.schema import PARITY, VARIANTS

BG_GAP: Final = ("mixed_same", "mixed_rand")
"""The two variants of the BG-Gap, by mask and (``_parity``) as published."""
BESIDE: Final = "_parity"
"""Ends the name of a variant composed as published beside the one composed by mask."""
ADVERSARIAL: Final = "adversarial"
"""The set of foregrounds on whichever background the search found."""
OUTCOMES: Final = ("misled", "unmapped", "robust")
"""What backgrounds of other groups do at worst: turn into another group, into no group, nothing."""


def group_hits(predictions: pd.DataFrame, group_of_image: pd.Series, group_of: Mapping[int, int]) -> pd.DataFrame:
    """For each predicted image of a variant its group, and whether the model's top-1 lies in it.

    Args:
        predictions: of one variant, indexed by image_id, with ``class_idx`` (best first).
        group_of_image: image_id -> group, as ``variants/NAME`` has it.
        group_of: class -> group.

    Returns:
        Columns group and hit (bool), indexed by image_id. Predictions of images that the variant
        no longer has are left out.
    """
    found = predictions.loc[predictions.index.intersection(group_of_image.index)]
    group = group_of_image.loc[found.index]
    predicted = pd.Series(top_1(found), found.index).map(group_of)
    return pd.DataFrame({"group": group, "hit": (predicted == group).to_numpy(bool)}, index=found.index)


def top_1(predictions: pd.DataFrame) -> npt.NDArray[np.int64]:
    """``(N,)`` class index of the most probable class; -1: outside the vocabulary."""
    return np.array([row[0] for row in predictions["class_idx"]], np.int64)


def on_variants(hits: Mapping[str, pd.DataFrame], names: Mapping[int, str], level: float) -> Iterator[Measured]:
    """Group accuracy on each variant and the BG-Gap, in all and in each group; how the compositions differ.

    Args:
        hits: variant -> what `group_hits` gives; empty where it was not predicted.
        names: of the groups.
        level: of the intervals, 0 to 1.
    """
    for variant in (*VARIANTS, *PARITY):
        yield from shares(variant, "group_accuracy", hits[variant], names, level)
    for end in ("", BESIDE):
        same, rand = (f"{name}{end}" for name in BG_GAP)
        yield from differences("bg_gap", same, rand, hits, names, level)
    for beside in PARITY:
        by_mask = beside.removesuffix(BESIDE)
        yield from differences("mask_minus_parity", by_mask, beside, hits, names, level)


def differences(
    metric: str, first: str, second: str, hits: Mapping[str, pd.DataFrame], names: Mapping[int, str], level: float
) -> Iterator[Measured]:
    """Accuracy on one variant minus that on another, over the images that both have."""

    def difference(pairs: pd.DataFrame) -> Estimate:
        return paired_difference(pairs["hit"].to_numpy(bool), pairs["hit_second"].to_numpy(bool), level)

    both = hits[first].join(hits[second]["hit"], how="inner", rsuffix="_second")
    yield from by_group(f"{first},{second}", metric, both, names, difference)


def on_adversarial(searched: pd.DataFrame, names: Mapping[int, str], level: float) -> Iterator[Measured]:
    """Challenge accuracy as published, and the shares of the stricter reading, in all and in each group.

    Args:
        searched: rows of ``adversarial/MODEL``: group, vulnerable, clean_correct, outcome.
        names: of the groups.
        level: of the intervals, 0 to 1.
    """
    told = searched.assign(held=~searched["vulnerable"].astype(bool))
    yield from shares(ADVERSARIAL, "clean_accuracy", told, names, level, "clean_correct")
    yield from shares(ADVERSARIAL, "challenge_accuracy", told, names, level, "held")
    right = told[told["outcome"].notna()]
    for outcome in OUTCOMES:
        counted = right.assign(hit=right["outcome"] == outcome)
        yield from shares(ADVERSARIAL, outcome, counted, names, level)
