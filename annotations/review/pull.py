"""Pull: collect the votes of all rounds.

Reads ``questions`` and ``controls``; writes ``users``, ``answers``, ``votes``, ``control_answers``, ``submissions``,
``skips``, ``decision_answers``, ``annotators``, ``decisions`` and ``dropped``. It can be killed at any moment and run
again: an answer is identified by its id.
"""

from __future__ import annotations

from dataclasses import replace

from reground.annotations.collect import PullSummary, collect_votes, update_annotators, update_decisions
from reground.annotations.review.connection import connect
from reground.annotations.review.refusals import refused_answers
from reground.annotations.rounds import ReviewSettings, read_users
from reground.tasks.votes import DEFAULT_POLICY, VotePolicy, current_policy
from reground.tasks.workspace import Workspace


def pull_votes(
    workspace: Workspace, settings: ReviewSettings, before_truth: VotePolicy = DEFAULT_POLICY
) -> PullSummary:
    """Collect all answers so far; unchanged tables are not written again.

    Args:
        workspace: with ``questions``.
        settings: see `ReviewSettings`.
        before_truth: which votes count as long as there is no truth; from then on the truth's own policy says so.

    Raises:
        RegroundError: no question was ever pushed, Label Studio is unavailable, or a project is gone (the others
            are collected). Votes collected before are kept.
    """
    workspace.require("questions", "review push")
    with workspace.hold("reground review pull"), connect(workspace, settings) as client:
        project_error = collect_votes(client, workspace, settings.recorded_annotators, settings.curators)
        summary = update_annotators(workspace, settings.exclude)
        users, policy = read_users(workspace, settings.recorded_annotators), current_policy(workspace, before_truth)
        num_decisions = update_decisions(workspace, users, client.url, policy)
        summary = replace(summary, decisions=num_decisions, refused=refused_answers(workspace, client.url))
    if project_error is not None:
        raise project_error
    return summary
