"""Pull: collect the votes of all rounds.

Reads ``questions`` and ``controls``; writes ``answers``, ``votes``, ``control_answers``, ``submissions``,
``annotators`` and ``dropped``. It can be killed at any moment and run again: an answer is identified by its id.
"""

from __future__ import annotations

from reground.annotations.collect import PullSummary, collect_votes, update_annotators
from reground.annotations.review.connection import connect
from reground.annotations.rounds import ReviewSettings
from reground.tasks.workspace import Workspace


def pull_votes(workspace: Workspace, settings: ReviewSettings) -> PullSummary:
    """Collect all answers so far; unchanged tables are not written again.

    Raises:
        RegroundError: no question was ever pushed, Label Studio is unavailable, or a project is gone (the others
            are collected). Votes collected before are kept.
    """
    workspace.require("questions", "review push")
    with connect(workspace, settings) as client:
        project_error = collect_votes(client, workspace, settings.recorded_annotators)
    summary = update_annotators(workspace, settings.exclude)
    if project_error is not None:
        raise project_error
    return summary
