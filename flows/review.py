"""Review: push questions to annotators, and collect their votes. No flow waits for anybody."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from reground.annotations.review import (
    QUESTIONS,
    pull_votes,
    push_disputes,
    push_questions,
    push_suspects,
    push_text,
    review_status,
    status_cells,
)
from reground.flows.artifacts import create_workspace_artifact, review_markdown
from reground.flows.overrides import Overrides
from reground.flows.scheduled import open_workspace
from reground.flows.settings import Settings
from reground.tasks.text import count_of
from reground.tasks.votes import CLASSIFY
from reground.tasks.workspace import Workspace


@flow(name="review-push")
def review_push(
    workspace: str,
    questions: list[str] | None = None,
    settings: Overrides | None = None,
    curator: str = "",
    show_votes: bool = False,
    ask_suspects: bool = False,
) -> State[Any]:
    """Create the missing tasks in Label Studio, and end.

    Args:
        workspace: folder or object-store URL.
        questions: contains, classify or both; empty: both.
        settings: overrides, {step: {field: value}}; the workspace remembers them.
        curator: address; is asked what people disagree about, in place of new questions; empty: nobody.
        show_votes: show the curator the tally of votes.
        ask_suspects: ask classify about suspects that nobody has decided, in place of other questions.
    """
    with open_workspace("review push", workspace, settings, ["review", "truth"]) as (target, all_settings):
        if curator:
            pushed = push_disputes(target, all_settings.review, curator, show_votes, all_settings.truth.policy)
            return Completed(message=f"{pushed.curator}: {pushed.new} new questions, {pushed.total} in all")
        policy = all_settings.truth.policy
        summaries = (
            {CLASSIFY: push_suspects(target, all_settings.review, policy)}
            if ask_suspects
            else {
                question: push_questions(target, all_settings.review, question, policy)
                for question in questions or QUESTIONS
            }
        )
        _publish_status(target, all_settings)
    return Completed(message="\n".join(push_text(question, summary) for question, summary in summaries.items()))


@flow(name="collect")
def collect(workspace: str, settings: Overrides | None = None) -> State[Any]:
    """Collect all votes so far, and end; safe to run at any time.

    Args:
        workspace: folder or object-store URL.
        settings: overrides, {step: {field: value}}; the workspace remembers them.
    """
    with open_workspace("review pull", workspace, settings, ["review", "truth"]) as (target, all_settings):
        if not target.parts("questions"):
            return Completed(message="no questions yet: `reground review push` creates them")
        summary = pull_votes(target, all_settings.review, all_settings.truth.policy)
        _publish_status(target, all_settings)
    counts = (
        f"{count_of(summary.answers, 'answer')} of {count_of(summary.annotators, 'annotator')}: "
        f"{count_of(summary.votes, 'vote')}"
    )
    return Completed(message="\n".join([counts, *(f"does not count: {answer}" for answer in summary.refused)]))


def _publish_status(workspace: Workspace, settings: Settings) -> None:
    rows = review_status(workspace, settings.review, settings.truth.policy).progress
    create_workspace_artifact(workspace, "review", review_markdown([status_cells(row) for row in rows]))
