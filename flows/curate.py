"""Curate: from a folder of labelled images to background variants."""

from __future__ import annotations

from typing import Any

from prefect import flow

from reground.flows.scheduled import house


@flow(name="curate")
def curate(workspace: str, settings: dict[str, Any] | None = None, runner: str = "") -> None:
    """Index the images, cut out their foregrounds, swap their backgrounds.

    Args:
        workspace: folder or object-store URL.
        settings: overrides, {step: {field: value}}; the workspace remembers them.
            The first run needs {"index": {"images": FOLDER}}.
        runner: threads[:N], processes[:N] or ray[:ADDRESS]; empty: as in the settings.
    """
    with house("curate", workspace, settings, runner, ["index", "masks", "variants"]) as held:
        held.run("index")
        held.run("masks")
        held.run("variants")
