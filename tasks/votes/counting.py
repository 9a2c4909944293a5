"""Which votes count: reads ``votes`` and ``annotators`` under a policy."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks.schema import concat_parts
from reground.tasks.votes.policy import VotePolicy
from reground.tasks.workspace import Workspace

WHOSE: Final = ("source", "annotator_id")
"""Columns of ``votes`` that a policy looks at."""


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
        workspace: with ``votes`` and ``annotators``.
        policy: see `VotePolicy`.
        columns: of ``votes``.
        question: votes on this question only; empty: on all.
    """
    columns_read = (*columns, *WHOSE, "question") if question else (*columns, *WHOSE)
    names = list(dict.fromkeys(columns_read))
    left_out = excluded(workspace, policy)
    parts = [
        counted_votes(workspace.read_part(part.path, names), policy, left_out)
        for _, part in workspace.parts("votes")
        if not question or question in workspace.read_part(part.path, ["question"])["question"].unique().to_pylist()
    ]
    votes = concat_parts("votes", names, parts)
    return (votes.filter(pc.field("question") == question) if question else votes).select(list(columns))
