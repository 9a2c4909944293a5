"""Rows of ``dropped``: the items that a step leaves out, and why."""

from __future__ import annotations

from reground.tasks.schema.image_rows import DroppedRow
from reground.tasks.schema.tables import DropReason


def dropped_row(stage: str, item: str, reason: DropReason, detail: str) -> DroppedRow:
    """The row of ``dropped`` for one item.

    Args:
        stage: name of the step that leaves it out.
        item: an image_id, a URI or another key.
        reason: from the closed list.
        detail: for a person to read: what came, and what was expected.
    """
    return {"stage": stage, "item": item, "reason": str(reason), "detail": detail}
