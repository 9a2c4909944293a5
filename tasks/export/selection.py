"""Which images of the truth an export holds, one rule for every format; the others are left out, each with its reason.

An image that people have settled has their labels, any other its original label
(`reground.tasks.votes.labels_or_original`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks.errors import RegroundError
from reground.tasks.export.dataset import Dataset
from reground.tasks.schema import ImageState

OTHER_STATES: Final = {
    ImageState.SETTLED: "settled: people have decided",
    ImageState.IN_REVIEW: "in review: not decided yet",
    ImageState.UNREVIEWED: "unreviewed: nobody was asked",
}
"""State -> reason to leave out an image of that state where only those of another are wanted."""
EMPTY: Final = "settled: no label holds"
UNKNOWN: Final = "not settled, and its original label is not known"
NO_PHOTOGRAPH: Final = "no photograph at hand"


@dataclass(frozen=True)
class Choice:
    """Which images somebody wants.

    Attributes:
        only: state that images must have; None: any.
        without_suspects: kinds of suspects that are left out where they are flagged and not settled.
    """

    only: ImageState | None = None
    without_suspects: tuple[str, ...] = ()


def select(data: Dataset, choice: Choice, labels: bool, photographs: bool) -> Dataset:
    """The images that an export holds; the others are written down as left out.

    Args:
        data: the whole truth.
        choice: of images.
        labels: the format needs a label for every image.
        photographs: the format holds the photographs.

    Raises:
        RegroundError: there are images, and none is left.
    """
    kinds = [kind for kind in data.suspect_kinds if kind.name in choice.without_suspects]
    data.left_out.expected.extend(kind.reason for kind in kinds)
    state = np.array(data.truth["state"].to_pylist(), object)
    is_empty = pc.list_value_length(data.truth["labels"]).to_numpy() == 0  # pyright: ignore[reportAttributeAccessIssue]
    at_hand = np.array(pc.is_in(data.truth["image_id"], value_set=data.images["image_id"].combine_chunks()))  # pyright: ignore[reportAttributeAccessIssue]
    rules = {
        **{
            reason: (state == other) & (other != choice.only)
            for other, reason in OTHER_STATES.items()
            if choice.only is not None
        },
        **{
            kind.reason: data.truth[kind.column].fill_null(False).to_numpy() & (state != ImageState.SETTLED)
            for kind in kinds
        },
        EMPTY: is_empty & (state == ImageState.SETTLED) & labels,
        UNKNOWN: is_empty & (state != ImageState.SETTLED) & labels,
        NO_PHOTOGRAPH: ~at_hand & photographs,
    }
    reasons = np.select(list(rules.values()), list(rules), "")
    left_out = reasons != ""
    for image_id, reason in zip(data.truth["image_id"].filter(pa.array(left_out)), reasons[left_out], strict=True):
        data.left_out.add(image_id.as_py(), str(reason))
    if len(data.truth) and left_out.all():
        counts = ", ".join(f"{count:,} {reason}" for reason, count in data.left_out.reasons().items() if count)
        raise RegroundError(f"expected images to export in {data.workspace.url}, but all are left out: {counts}.")
    return replace(data, truth=data.truth.filter(pa.array(~left_out)))
