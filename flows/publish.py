"""Publish: from truth to an evaluation set that others' code reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow

from flows import artifacts
from flows.scheduled import house


@flow(name="export")
def publish(workspace: str, to_format: str, out: str, settings: dict[str, Any] | None = None, runner: str = "") -> str:
    """Write one export; gives the folder.

    Args:
        workspace: folder or object-store URL.
        to_format: imagefolder, real or parquet.
        out: folder to make; it must not be there yet.
        settings: overrides, {step: {field: value}}; the workspace remembers them.
        runner: threads[:N], processes[:N] or ray[:ADDRESS]; empty: as in the settings.
    """
    from tasks.export import export

    with house("export", workspace, settings, runner) as held:
        made = export(held.workspace, to_format, Path(out))
        card = (made / "DATA_CARD.md").read_text()
        artifacts.publish(held.workspace, f"export-{to_format}", f"Written to `{made}`\n\n{card}")
    return str(made)
