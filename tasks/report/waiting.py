"""Waiting: how many images people have still to judge."""

from __future__ import annotations

import pandas as pd

from reground.tasks.schema import ImageState


def waiting(truth: pd.DataFrame, candidates: pd.DataFrame) -> int:
    """Images in review, and those that nobody has judged although labels are proposed for them.

    Args:
        truth: the columns ``image_id`` and ``state``.
        candidates: the column ``image_id``.
    """
    has_candidates = truth["image_id"].isin(candidates["image_id"])
    unreviewed = truth["state"] == ImageState.UNREVIEWED
    return int(((truth["state"] == ImageState.IN_REVIEW) | unreviewed & has_candidates).sum())
