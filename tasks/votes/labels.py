"""Labels of an image: those that people settled, else its original label."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


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
