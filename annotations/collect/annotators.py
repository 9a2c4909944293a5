"""Annotators: votes -> one row a person: how well, how fast, how much like others, and whether they count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from reground.annotations.collect.exclusion import Rule, reason
from reground.tasks.kernels.intervals import wilson

ANONYMOUS: Final = "anonymous"
"""How the NAME in an annotator_id begins when answers of the same person cannot be told to be so."""
PAIR = ["round", "question", "image_id", "class_idx"]
NOBODY_ELSE: Final = Rule(0, 0, 0, 0, 0, 0)
"""Leaves nobody out: for votes of people whom we did not ask."""


def annotators(
    votes: pd.DataFrame,
    right: Mapping[str, tuple[int, int]] | None = None,
    same: Mapping[str, Mapping[str, float]] | None = None,
    rule: Rule = NOBODY_ELSE,
) -> list[dict[str, Any]]:
    """Rows of ``annotators`` for the people behind these rows of the table ``votes``, the anonymous left out.

    ``agreement`` is the share of a person's votes that equal the majority of the others' votes
    on the same image and label (0 to 1, higher is better); votes that nobody else cast, or on
    which the others are split evenly, do not count. 'maybe' counts as neither yes nor no.

    Args:
        votes: see above.
        right: annotator_id -> known answers given right, known answers given.
        same: as `reground.annotations.collect.straightlining.sameness` gives it.
        rule: who is left out.
    """
    if votes.empty:
        return []
    frame = votes.reset_index(drop=True)
    lean = (frame["answer"] == "yes").astype(int) - (frame["answer"] == "no").astype(int)
    others = np.sign(lean.groupby([frame[name] for name in PAIR]).transform("sum") - lean)
    agrees = (others == lean).where((others != 0) & (lean != 0)).astype(float)
    known = ~frame["annotator_id"].str.contains(f":{ANONYMOUS}", regex=False)
    people = frame.assign(agrees=agrees).loc[known].groupby("annotator_id")
    found = people.agg(
        source=("source", "first"),
        votes=("answer", "size"),
        agreement=("agrees", "mean"),
        agreement_n=("agrees", "count"),
    ).join(_speed(frame.loc[known], rule))
    rows = [_row(str(name), row, (right or {}).get(str(name), (0, 0))) for name, row in found.sort_index().iterrows()]
    return [row | {"excluded": reason(row, (same or {}).get(row["annotator_id"], {}), rule)} for row in rows]


def _speed(votes: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Of each person, the submissions, the median of their seconds, and the share below the rule's floor."""
    tasks = votes[["annotator_id", "answer_id", "seconds"]].drop_duplicates(["annotator_id", "answer_id"])
    fast = (tasks["seconds"] < rule.seconds_below).astype(float).where(tasks["seconds"].notna())
    people = tasks.assign(fast=fast).groupby("annotator_id")
    return people.agg(tasks=("answer_id", "size"), seconds_per_task=("seconds", "median"), fast_share=("fast", "mean"))


def _row(annotator_id: str, found: Any, right: tuple[int, int]) -> dict[str, Any]:
    gold = wilson(*right)
    return {
        "annotator_id": annotator_id,
        "source": str(found["source"]),
        **{name: int(found[name]) for name in ("votes", "agreement_n", "tasks")},
        **{name: _or_none(found[name]) for name in ("agreement", "seconds_per_task", "fast_share")},
        "gold_correct": right[0],
        "gold_n": right[1],
        "gold_accuracy": _or_none(gold.value),
        "gold_low": _or_none(gold.low),
        "gold_high": _or_none(gold.high),
    }


def _or_none(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
