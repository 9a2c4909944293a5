"""Waiting: how many images people have still to judge."""

from __future__ import annotations

import pandas as pd


def waiting(truth: pd.DataFrame, candidates: pd.DataFrame) -> int:
    """Images that too few people have judged, and those nobody has although labels are proposed for them.

    Args:
        truth: the columns ``image_id`` and ``status``.
        candidates: the column ``image_id``.
    """
    has_candidates = truth["image_id"].isin(candidates["image_id"])
    return int(((truth["status"] == "open") | (truth["status"] == "unreviewed") & has_candidates).sum())
