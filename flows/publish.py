"""Publish: from truth to an evaluation set in a format that other code reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from prefect import flow
from pydantic import WithJsonSchema

from reground.flows.artifacts import create_workspace_artifact
from reground.flows.overrides import Overrides
from reground.flows.scheduled import open_workspace
from reground.tasks.export import CARD, REGISTRY, export, without_front_matter
from reground.tasks.schema import ImageState
from reground.tasks.text import markdown

FormatName = Annotated[str, WithJsonSchema({"type": "string", "enum": list(REGISTRY.names())})]
StateName = Annotated[str, WithJsonSchema({"type": "string", "enum": ["", *ImageState]})]


@flow(name="export")
def publish(
    workspace: str,
    format: FormatName,
    out: str,
    settings: Overrides | None = None,
    only: StateName = "",
    escape_formulas: bool = False,
    without_suspects: list[str] | None = None,
) -> str:
    """Write one export; returns the folder.

    Args:
        workspace: folder or object-store URL.
        format: one that `reground export --help` lists, or the name of a plugin.
        out: folder to create; it must not exist.
        only: state that images must have: settled, in_review or unreviewed; empty: images of every state.
        escape_formulas: in every CSV, put an apostrophe before text that a spreadsheet would run as a formula.
        without_suspects: kinds of suspects; flagged images that people have not settled are left out.
        settings: overrides, {step: {field: value}}; the workspace remembers them.
    """
    with open_workspace("export", workspace, settings) as (source, _):
        folder = export(source, format, Path(out), only, escape_formulas, without_suspects or ()).folder
        card = without_front_matter((folder / CARD).read_text(encoding="utf-8"))
        create_workspace_artifact(source, f"export-{format}", f"Written to {markdown(str(folder))}\n\n{card}")
    return str(folder)
