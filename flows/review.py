"""Review: ask people, and collect what they answered. No flow waits for anybody."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from reground.annotations.review import (
    QUESTIONS,
    pull_votes,
    push_questions,
    review_status,
    status_cells,
)
from reground.flows import artifacts
from reground.flows.scheduled import hold
from reground.flows.settings import Settings
from reground.tasks.workspace import Workspace


@flow(name="review-push")
def review_push(
    workspace: str, questions: list[str] | None = None, settings: dict[str, Any] | None = None
) -> State[Any]:
    """Put out every question that is not out yet, and end.

    Args:
        workspace: folder or object-store URL.
        questions: contains, classify or both; empty: both.
        settings: overrides, {step: {field: value}}; the workspace remembers them.
    """
    with hold("review push", workspace, settings, ["review"]) as (held, chosen):
        pushed = {
            question: push_questions(held, chosen.review, question, chosen.truth.policy)
            for question in questions or QUESTIONS
        }
        _show(held, chosen)
    return Completed(message="; ".join(f"{name}: {p.new} put out, {p.total} are out" for name, p in pushed.items()))


@flow(name="collect")
def collect(workspace: str, settings: dict[str, Any] | None = None) -> State[Any]:
    """Bring in every answer there is by now, and end; run it as often as you like.

    Args:
        workspace: folder or object-store URL.
        settings: overrides, {step: {field: value}}; the workspace remembers them.
    """
    with hold("review pull", workspace, settings, ["review"]) as (held, chosen):
        if not held.parts("questions"):
            return Completed(message="nobody was asked yet: `reground review push` does")
        pulled = pull_votes(held, chosen.review)
        _show(held, chosen)
    return Completed(message=f"{pulled.answers:,} answers of {pulled.annotators} people: {pulled.votes:,} votes")


def _show(workspace: Workspace, settings: Settings) -> None:
    rows = review_status(workspace, settings.review, settings.truth.policy)
    artifacts.publish(workspace, "review", artifacts.review([status_cells(row) for row in rows]))
