"""Publish: from truth to an evaluation set that others' code reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow

from reground.flows import artifacts
from reground.flows.scheduled import hold


@flow(name="export")
def publish(workspace: str, format: str, out: str, settings: dict[str, Any] | None = None) -> str:
    """Write one export; gives the folder.

    Args:
        workspace: folder or object-store URL.
        format: a name in `reground.tasks.export.export.FORMATS`.
        out: folder to make; it must not be there yet.
        settings: overrides, {step: {field: value}}; the workspace remembers them.
    """
    from reground.tasks.export import CARD, export, without_front_matter

    with hold("export", workspace, settings) as (held, _):
        made = export(held, format, Path(out))
        card = without_front_matter((made / CARD).read_text(encoding="utf-8"))
        artifacts.publish(held, f"export-{format}", f"Written to `{made}`\n\n{card}")
    return str(made)
