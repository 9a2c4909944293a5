"""Annotators: votes -> one row a person."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

ANONYMOUS: Final = "anonymous"
"""How the NAME in an annotator_id begins when answers of the same person cannot be told to be so."""
PAIR = ["round", "question", "image_id", "class_idx"]


def annotators(votes: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of ``annotators`` for the people behind these rows of the table ``votes``, the anonymous left out.

    ``agreement`` is the share of a person's votes that equal the majority of the others' votes
    on the same image and label (0 to 1, higher is better); votes that nobody else cast, or on
    which the others are split evenly, do not count. 'maybe' counts as neither yes nor no.
    """
    if votes.empty:
        return []
    frame = votes.reset_index(drop=True)
    lean = frame["answer"].map({"yes": 1, "maybe": 0, "no": -1}).astype(int)
    others = np.sign(lean.groupby([frame[name] for name in PAIR]).transform("sum") - lean)
    agrees = (others == lean).where((others != 0) & (lean != 0)).astype(float)
    known = frame[~frame["annotator_id"].str.contains(f":{ANONYMOUS}", regex=False)]
    rows = []
    for annotator_id, index in sorted(known.groupby("annotator_id").groups.items()):
        own = frame.loc[index]
        per_task = own.drop_duplicates("answer_id")["seconds"].astype(float)
        rows.append(
            {
                "annotator_id": str(annotator_id),
                "source": str(own["source"].iloc[0]),
                "votes": len(own),
                "agreement": _or_none(agrees.loc[index].mean()),
                "seconds_per_task": _or_none(per_task.median()),
            }
        )
    return rows


def _or_none(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
