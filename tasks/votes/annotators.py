"""Annotators: votes -> one row a person: how much, how well, how fast, and how much like the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from reground.tasks.kernels.intervals import wilson
from reground.tasks.schema import AnnotatorId, AnnotatorRow
from reground.tasks.votes.vocabulary import ANONYMOUS, NO, YES

PAIR: Final = ("round", "question", "image_id", "class_idx")
ANNOTATOR_COLUMNS: Final = (*PAIR, "annotator_id", "answer", "seconds", "answer_id", "source")
"""Columns of ``votes`` that `annotator_rows` reads."""


def annotator_rows(
    votes: pd.DataFrame, gold: Mapping[str, tuple[int, int]] | None = None, min_seconds: float = 0.0
) -> list[AnnotatorRow]:
    """Rows of ``annotators`` for the people behind some votes, the anonymous left out, nobody excluded.

    ``agreement`` is the share of a person's votes that equal the majority of the others' votes on the same
    pair (0 to 1, higher is better). Votes that nobody else cast, votes on which the others are split evenly,
    and 'maybe' are left out of it.

    Args:
        votes: rows of ``votes`` with `ANNOTATOR_COLUMNS` among the columns.
        gold: annotator_id -> known answers given right, known answers given.
        min_seconds: tasks answered in less make up ``fast_share``.

    Examples:
        >>> names = ["x:ann", "x:bob", "x:cy"]
        >>> same = {"round": 1, "question": "rate", "image_id": "a", "class_idx": 7, "seconds": 2.0, "source": "x"}
        >>> votes = pd.DataFrame({"annotator_id": names, "answer": ["yes", "yes", "no"], "answer_id": names, **same})
        >>> [(row["annotator_id"], row["agreement"], row["agreement_n"]) for row in annotator_rows(votes)]
        [('x:ann', None, 0), ('x:bob', None, 0), ('x:cy', 0.0, 1)]
    """
    if votes.empty:
        return []
    frame = votes.reset_index(drop=True)
    lean = (frame["answer"] == YES).astype(int) - (frame["answer"] == NO).astype(int)
    others = np.sign(lean.groupby([frame[name] for name in PAIR]).transform("sum") - lean)
    agrees = (others == lean).where((others != 0) & (lean != 0)).astype(float)
    known = ~frame["annotator_id"].str.contains(ANONYMOUS, regex=False)
    people = frame.assign(agrees=agrees).loc[known].groupby("annotator_id")
    stats = people.agg(
        source=("source", "first"),
        votes=("answer", "size"),
        agreement=("agrees", "mean"),
        agreement_n=("agrees", "count"),
    ).join(_speed(frame.loc[known], min_seconds))
    return [_row(str(name), row, (gold or {}).get(str(name), (0, 0))) for name, row in stats.sort_index().iterrows()]


def _speed(votes: pd.DataFrame, min_seconds: float) -> pd.DataFrame:
    """Of each person, the submissions, the median of their seconds, and the share faster than ``min_seconds``."""
    tasks = votes[["annotator_id", "answer_id", "seconds"]].drop_duplicates(["annotator_id", "answer_id"])
    fast = (tasks["seconds"] < min_seconds).astype(float).where(tasks["seconds"].notna())
    people = tasks.assign(fast=fast).groupby("annotator_id")
    return people.agg(tasks=("answer_id", "size"), seconds_per_task=("seconds", "median"), fast_share=("fast", "mean"))


def _row(annotator_id: str, stats: Any, gold: tuple[int, int]) -> AnnotatorRow:
    accuracy = wilson(*gold)
    return {
        "annotator_id": AnnotatorId(annotator_id),
        "address": None,
        "name": None,
        "source": str(stats["source"]),
        "votes": int(stats["votes"]),
        "agreement": _or_none(stats["agreement"]),
        "agreement_n": int(stats["agreement_n"]),
        "gold_correct": gold[0],
        "gold_n": gold[1],
        "gold_accuracy": _or_none(accuracy.value),
        "gold_low": _or_none(accuracy.low),
        "gold_high": _or_none(accuracy.high),
        "tasks": int(stats["tasks"]),
        "seconds_per_task": _or_none(stats["seconds_per_task"]),
        "fast_share": _or_none(stats["fast_share"]),
        "excluded": None,
    }


def _or_none(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
