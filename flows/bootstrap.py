"""Bootstrap: from images to candidate labels."""

from __future__ import annotations

from prefect import flow

from reground.flows.overrides import Overrides
from reground.flows.scheduled import run_context


@flow(name="bootstrap")
def bootstrap(workspace: str, settings: Overrides | None = None, runner: str = "") -> None:
    """Run every model on photographs and variants, and collect candidate labels.

    Args:
        workspace: folder or object-store URL.
        settings: overrides, {step: {field: value}}; the workspace remembers them.
        runner: threads[:N], processes[:N] or ray[:ADDRESS]; empty: the setting `runner`.
    """
    with run_context("bootstrap", workspace, settings, runner, ["predict", "candidates"]) as context:
        context.run("predict")
        context.run("candidates")
