"""Waiting: how many images people have still to judge, and how many a curator has to decide."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from reground.tasks.kernels.label_state import TIE, TOLERANCE
from reground.tasks.schema import ImageState
from reground.tasks.votes import DECIDE
from reground.tasks.workspace import Workspace


def waiting(truth: pd.DataFrame, candidates: pd.DataFrame) -> int:
    """Images in review, and those that nobody has judged although labels are proposed for them.

    Args:
        truth: the columns ``image_id`` and ``state``.
        candidates: the column ``image_id``.
    """
    has_candidates = truth["image_id"].isin(candidates["image_id"])
    unreviewed = truth["state"] == ImageState.UNREVIEWED
    return int(((truth["state"] == ImageState.IN_REVIEW) | unreviewed & has_candidates).sum())


def answers_missing(workspace: Workspace) -> bool:
    """Whether annotators were asked for more answers than have been pulled; what a curator is asked does not count."""
    wanted = sum(
        max(1, int(overlap)) * tasks
        for _, part in workspace.parts("questions")
        for (question, overlap), tasks in part.counts
        if question != DECIDE
    )
    return wanted > workspace.count("submissions") + workspace.count("skips")


def tied(truth: pd.DataFrame) -> int:
    """Images in review of which every undecided label is tied: more votes may settle them, a curator does.

    Args:
        truth: the columns ``state``, ``undecided``, ``judged``, ``confidence`` and ``shown``.

    Examples:
        Two people disagree about the only label of an image.

        >>> row = {"state": "in_review", "undecided": [7], "judged": [7], "confidence": [0.5], "shown": [2]}
        >>> tied(pd.DataFrame([row])), tied(pd.DataFrame([row | {"confidence": [1.0]}]))
        (1, 0)
    """
    in_review = truth[truth["state"] == ImageState.IN_REVIEW]
    columns = (in_review[name] for name in ("undecided", "judged", "confidence", "shown"))
    return sum(map(_is_tied, *columns))


def _is_tied(
    undecided: Sequence[int], judged: Sequence[int], confidence: Sequence[float], shown: Sequence[int]
) -> bool:
    tied_labels = {
        label
        for label, value, people in zip(judged, confidence, shown, strict=True)
        if people > 1 and math.isclose(value, TIE, abs_tol=TOLERANCE, rel_tol=0)
    }
    return len(undecided) > 0 and tied_labels.issuperset(undecided)
