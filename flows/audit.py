"""Audit: from votes to truth, evaluation and report."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from reground.flows import steps
from reground.flows.overrides import Overrides
from reground.flows.scheduled import run_context


@flow(name="audit")
def audit(workspace: str, settings: Overrides | None = None, runner: str = "") -> State[Any]:
    """Aggregate votes to truth, evaluate every model, write the report. Cheap when nothing changed.

    Args:
        workspace: folder or object-store URL.
        settings: overrides, {step: {field: value}}; the workspace remembers them.
        runner: threads[:N], processes[:N] or ray[:ADDRESS]; empty: the setting `runner`.
    """
    with run_context("audit", workspace, settings, runner, steps.AUDIT) as context:
        context.run("truth")
        context.run("needs_vote")
        context.run("suspects")
        context.run("class_pairs")
        context.run("evaluate")
        context.run("report")
        return context.summary()
