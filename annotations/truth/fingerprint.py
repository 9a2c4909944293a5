"""Vote fingerprint: the votes behind each image's row of ``truth``, as a hash that changes with any of them."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

COLUMNS: Final = ("image_id", "class_idx", "annotator_id", "question", "answer", "main", "num_objects")
"""What a vote says, and who says it."""


def vote_fingerprint(votes: pa.Table) -> dict[str, str]:
    """image_id -> 16 hexadecimal digits, the same for the same votes in whatever order.

    The sum of a 64-bit hash of each vote: equal sums of unequal votes are not to be expected.

    Args:
        votes: rows of ``votes``, with `COLUMNS` among the columns.
    """
    frame = votes.select(list(COLUMNS)).to_pandas()
    codes, image_ids = pd.factorize(frame["image_id"])
    sums = np.zeros(len(image_ids), np.uint64)
    np.add.at(sums, codes, pd.util.hash_pandas_object(frame, index=False).to_numpy(np.uint64))
    return {str(image_id): f"{total:016x}" for image_id, total in zip(image_ids, sums.tolist(), strict=True)}
