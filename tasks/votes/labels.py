"""Labels of an image: those that people settled, else its original label; and how many images are how far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks.schema import ImageState, Outcome

OUTCOMES: Final = (Outcome.CONFIRMED, Outcome.CHANGED, Outcome.EXTENDED, Outcome.EMPTY, Outcome.LABELLED)


def labels_or_original(truth: pa.Table) -> pa.Array:
    """The settled labels of each image; of an image that is not settled, its original label alone.

    Whatever needs labels for every image reads them here: exports, evaluation, rounds of questions.

    Args:
        truth: rows of ``truth``, with the columns ``labels`` and ``original`` among others.

    Returns:
        ``(N,)`` lists of class_idx, none null; empty where no label holds, and where there is neither.

    Examples:
        >>> columns = {"labels": [[3, 7], [], None, None], "original": [7, 7, 7, None]}
        >>> schema = pa.schema([("labels", pa.list_(pa.int32())), ("original", pa.int32())])
        >>> labels_or_original(pa.table(columns, schema)).to_pylist()
        [[3, 7], [], [7], []]
    """
    original = truth["original"].combine_chunks()
    offsets = np.concatenate([[0], np.cumsum(np.asarray(original.is_valid()))]).astype(np.int32)
    alone = pa.ListArray.from_arrays(pa.array(offsets), original.drop_null())
    labels = truth["labels"].combine_chunks()
    return pc.coalesce(labels, alone.cast(labels.type))  # pyright: ignore[reportAttributeAccessIssue]


def count_states(truth: pa.Table) -> dict[str, int]:
    """Images in each state and with each outcome, in a fixed order.

    Args:
        truth: rows of ``truth``, with the columns ``state`` and ``outcome`` among others.

    Examples:
        >>> columns = {"state": ["settled", "settled", "in_review"], "outcome": ["changed", "empty", None]}
        >>> counts = count_states(pa.table(columns))
        >>> counts["settled"], counts["changed"], counts["unreviewed"]
        (2, 1, 0)
        >>> describe_states(counts)
        'settled: 2 (confirmed: 0, changed: 1, extended: 0, empty: 1); in review: 1; unreviewed: 0'
    """
    counts = Counter(truth["state"].to_pylist()) + Counter(truth["outcome"].drop_null().to_pylist())
    return {str(name): counts[name] for name in (*ImageState, *OUTCOMES)}


def describe_states(counts: Mapping[str, int]) -> str:
    """The result of `count_states` in one line."""
    outcomes = [name for name in OUTCOMES if name != Outcome.LABELLED or counts[name]]
    details = ", ".join(f"{name}: {counts[name]:,}" for name in outcomes)
    states = {ImageState.IN_REVIEW: "in review", ImageState.UNREVIEWED: "unreviewed"}
    rest = "; ".join(f"{words}: {counts[state]:,}" for state, words in states.items())
    return f"settled: {counts[ImageState.SETTLED]:,} ({details}); {rest}"
