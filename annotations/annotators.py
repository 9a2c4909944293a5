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
    lean = (frame["answer"] == "yes").astype(int) - (frame["answer"] == "no").astype(int)
    others = np.sign(lean.groupby([frame[name] for name in PAIR]).transform("sum") - lean)
    agrees = (others == lean).where((others != 0) & (lean != 0)).astype(float)
    known = ~frame["annotator_id"].str.contains(f":{ANONYMOUS}", regex=False)
    people = frame.assign(agrees=agrees).loc[known].groupby("annotator_id")
    tasks = frame.loc[known, ["annotator_id", "answer_id", "seconds"]].drop_duplicates(["annotator_id", "answer_id"])
    seconds = tasks.groupby("annotator_id")["seconds"].median()
    found = people.agg(source=("source", "first"), votes=("answer", "size"), agreement=("agrees", "mean")).join(seconds)
    return [
        {
            "annotator_id": str(annotator_id),
            "source": str(row["source"]),
            "votes": int(row["votes"]),
            "agreement": _or_none(row["agreement"]),
            "seconds_per_task": _or_none(row["seconds"]),
        }
        for annotator_id, row in found.sort_index().iterrows()
    ]


def _or_none(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
