"""The whole pipeline, step by step."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from reground.flows import steps
from reground.flows.overrides import Overrides
from reground.flows.scheduled import run_context


@flow(name="run")
def pipeline(workspace: str, settings: Overrides | None = None, runner: str = "") -> State[Any]:
    """Run every step that can run now. Images that wait for votes stay open; the final message counts them.

    Args:
        workspace: folder or object-store URL.
        settings: overrides, {step: {field: value}}; the workspace remembers them.
            The first run needs {"index": {"images": FOLDER}}.
        runner: threads[:N], processes[:N] or ray[:ADDRESS]; empty: the setting `runner`.
    """
    with run_context("run", workspace, settings, runner, steps.RUN) as context:
        context.run("index")  # a folder of labelled images -> images, classes
        context.run("facts")  # what each photograph is: digest of its pixels, hashes, colour, sharpness
        context.run("masks")  # boxes -> foreground masks
        context.run("variants")  # foregrounds and backgrounds -> the eight variants
        context.run("predict")  # predictions of every model on photographs and variants
        context.run("neighbours")  # the most similar photographs of each, where there are features
        context.run("candidates")  # candidate labels to ask annotators about
        # Annotation happens outside: the flow `review-push` asks, the flow `collect` pulls the votes.
        context.run("truth")  # votes -> labels with confidence
        context.run("needs_vote")  # pairs ranked by the information of one more vote
        context.run("suspects")  # what a person should look at first: label errors, duplicates, outliers
        context.run("class_pairs")  # classes that models confuse or people accept together
        context.run("evaluate")  # every model on every set, against original labels and truth
        context.run("report")  # one HTML page
        return context.summary()
