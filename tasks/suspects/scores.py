"""How far to trust the scores of a kind on this set: its suspects against what people decided.

An image is rightly suspected if people decided of its original label what the kind looks for (``Method.faults``). Only
settled images count whose original label is known. They are often settled because they were suspects, so flagged
images and others are two strata (`reground.tasks.kernels.ranked_retrieval`).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from reground.tasks.kernels.intervals import Estimate, wilson
from reground.tasks.kernels.ranked_retrieval import Stratum, bootstrap_average_precision, recall
from reground.tasks.schema import ImageId, Outcome, SuspectScoreRow
from reground.tasks.suspects.method import Suspect

log = logging.getLogger(__name__)

SEED: Final = 0
RESAMPLES: Final = 1000
LEVEL: Final = 0.95


def score_row(
    kind: str,
    faults: frozenset[Outcome],
    suspects: Sequence[Suspect],
    image_ids: Sequence[ImageId],
    outcomes: Mapping[ImageId, Outcome],
) -> SuspectScoreRow | None:
    """The row of ``suspect_scores`` of a kind; None where people have decided nothing that would tell.

    Args:
        kind: name of the kind.
        faults: outcomes that show an image rightly suspected.
        suspects: of the kind; an image without one has the lowest score.
        image_ids: all photographs.
        outcomes: of the settled ones whose original label is known.
    """
    judged = [image_id for image_id in image_ids if image_id in outcomes]
    if not faults or not judged:
        return None
    scores, flags = dict.fromkeys(image_ids, -math.inf), dict.fromkeys(image_ids, False)
    for suspect in (one for one in suspects if one.image_id in scores):
        scores[suspect.image_id] = max(scores[suspect.image_id], suspect.score)
        flags[suspect.image_id] |= suspect.flagged
    flagged = np.array([flags[image_id] for image_id in judged])
    fault = np.array([outcomes[image_id] in faults for image_id in judged])
    total = sum(flags.values())
    strata = [
        Stratum(size, int(side.sum()), int((fault & side).sum()))
        for size, side in ((total, flagged), (len(image_ids) - total, ~flagged))
    ]
    of_flagged, others = strata
    if others.size and not others.judged:
        log.warning("%s: no image that is not flagged is settled, so nobody knows what the score misses", kind)
    order = _average_precision(np.array([scores[image_id] for image_id in judged]), fault, flagged, strata)
    return {
        "kind": kind,
        "faults": sorted(faults),
        "flagged": of_flagged.size,
        "flagged_settled": of_flagged.judged,
        "flagged_faults": of_flagged.relevant,
        "unflagged": others.size,
        "unflagged_settled": others.judged,
        "unflagged_faults": others.relevant,
        **_columns("precision", wilson(of_flagged.relevant, of_flagged.judged, LEVEL)),
        **_columns("recall", recall(of_flagged, others, RESAMPLES, SEED, LEVEL)),
        **_columns("average_precision", order),
        "base_rate": _base_rate(strata),
    }  # type: ignore[typeddict-item]


def _average_precision(
    score: np.ndarray, fault: np.ndarray, flagged: np.ndarray, strata: Sequence[Stratum]
) -> Estimate:
    """Of the order by score, each settled image standing for as many as its stratum has of each."""
    if _base_rate(strata) is None:
        return wilson(0, 0)
    shares = [stratum.size / max(stratum.judged, 1) for stratum in strata]
    return bootstrap_average_precision(score, fault, np.where(flagged, *shares), RESAMPLES, SEED, LEVEL)


def _base_rate(strata: Sequence[Stratum]) -> float | None:
    """Share of faults in all images; None: of one stratum nothing is known."""
    if any(stratum.size and not stratum.judged for stratum in strata):
        return None
    faults = sum(stratum.size * stratum.relevant / max(stratum.judged, 1) for stratum in strata)
    return faults / sum(stratum.size for stratum in strata)


def _columns(name: str, estimate: Estimate) -> dict[str, float | None]:
    ends = {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return {column: None if math.isnan(value) else value for column, value in ends.items()}
