"""Curate: from a folder of labelled images to background variants."""

from __future__ import annotations

from prefect import flow

from reground.flows.overrides import Overrides
from reground.flows.scheduled import run_context


@flow(name="curate")
def curate(workspace: str, settings: Overrides | None = None, runner: str = "") -> None:
    """Index the images, segment their foregrounds, compose the background variants.

    Args:
        workspace: folder or object-store URL.
        settings: overrides, {step: {field: value}}; the workspace remembers them.
            The first run needs {"index": {"images": FOLDER}}.
        runner: threads[:N], processes[:N] or ray[:ADDRESS]; empty: the setting `runner`.
    """
    with run_context("curate", workspace, settings, runner, ["index", "masks", "variants"]) as context:
        context.run("index")
        context.run("masks")
        context.run("variants")
