"""Bootstrap: from images to labels worth asking people about."""

from __future__ import annotations

from typing import Any

from prefect import flow

from reground.flows.scheduled import house


@flow(name="bootstrap")
def bootstrap(workspace: str, settings: dict[str, Any] | None = None, runner: str = "") -> None:
    """Let every model predict on photographs and variants, and gather candidate labels.

    Args:
        workspace: folder or object-store URL.
        settings: overrides, {step: {field: value}}; the workspace remembers them.
        runner: threads[:N], processes[:N] or ray[:ADDRESS]; empty: as in the settings.
    """
    with house("bootstrap", workspace, settings, runner, ["predict", "candidates"]) as held:
        held.run("predict")
        held.run("candidates")
