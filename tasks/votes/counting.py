"""Which votes count: reads ``votes``, ``annotators`` and ``gold`` under a policy."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks.schema import concat_parts
from reground.tasks.votes.policy import VotePolicy
from reground.tasks.votes.vocabulary import COLLECTED
from reground.tasks.workspace import Workspace

WHOSE: Final = ("source", "annotator_id")
"""Columns of ``votes`` that say whose a vote is."""
PAIR: Final = ("image_id", "class_idx")


def excluded(workspace: Workspace, policy: VotePolicy) -> list[str]:
    """The annotator_ids whose votes do not count, in order; none where the policy counts them all the same."""
    if policy.count_excluded:
        return []
    people = workspace.read_arrow("annotators", ["annotator_id", "excluded"])
    return sorted(set(people.filter(pc.field("excluded").is_valid())["annotator_id"].to_pylist()))


def counted_votes(votes: pa.Table, policy: VotePolicy, excluded: Collection[str]) -> pa.Table:
    """The votes that count.

    Args:
        votes: rows of ``votes``, with the columns ``source`` and ``annotator_id`` among others.
        policy: see `VotePolicy`.
        excluded: as `excluded` gives them.

    Examples:
        >>> votes = pa.table({"source": ["crew", "crew", "pilot"], "annotator_id": ["crew:a", "crew:b", "pilot:c"]})
        >>> policy = VotePolicy(held_out_sources=frozenset({"pilot"}))
        >>> counted_votes(votes, policy, ["crew:b"])["annotator_id"].to_pylist()
        ['crew:a']
    """
    for column, left_out in zip(WHOSE, (policy.held_out_sources, excluded), strict=True):
        if left_out:
            votes = votes.filter(~pc.field(column).isin(pa.array(sorted(left_out), pa.string())))
    return votes


def read_votes(workspace: Workspace, policy: VotePolicy, columns: Sequence[str], question: str = "") -> pa.Table:
    """The votes of a workspace that count.

    Args:
        workspace: with ``votes``, ``annotators`` and, possibly, ``gold``.
        policy: see `VotePolicy`.
        columns: of ``votes``.
        question: votes on this question only; empty: on all.
    """
    columns_read = (*columns, *WHOSE, *PAIR, "question") if question else (*columns, *WHOSE, *PAIR)
    names = list(dict.fromkeys(columns_read))
    left_out, gold_pairs = excluded(workspace, policy), _gold_pairs(workspace, policy)
    parts = [
        _without_gold(counted_votes(workspace.read_part(part.path, names), policy, left_out), gold_pairs)
        for _, part in workspace.parts("votes")
        if not question or any(asked == question for (asked, _), _ in part.counts)
    ]
    votes = concat_parts("votes", names, parts)
    return (votes.filter(pc.field("question") == question) if question else votes).select(list(columns))


def _gold_pairs(workspace: Workspace, policy: VotePolicy) -> set[tuple[str, int]]:
    """The pairs of image and label on which collected answers are no votes."""
    if policy.count_gold:
        return set()
    gold = workspace.read_arrow("gold", PAIR)
    return set(zip(*(gold[name].to_pylist() for name in PAIR), strict=True))


def _without_gold(votes: pa.Table, gold_pairs: Collection[tuple[str, int]]) -> pa.Table:
    """The votes, without those that this workspace collected on some pairs."""
    is_collected = pc.is_in(votes["source"], pa.array(COLLECTED))  # pyright: ignore[reportAttributeAccessIssue]
    if not gold_pairs or not pc.any(is_collected).as_py():  # pyright: ignore[reportAttributeAccessIssue]
        return votes
    rows = zip(is_collected.to_pylist(), *(votes[name].to_pylist() for name in PAIR), strict=True)
    keep = [not collected or (image_id, label) not in gold_pairs for collected, image_id, label in rows]
    return votes.filter(pa.array(keep))
