"""Decisions of curators, for whoever counts votes: a decided pair needs no votes, and outranks those it has."""

from __future__ import annotations

from reground.tasks.workspace import Workspace


def read_decisions(workspace: Workspace) -> dict[tuple[str, int], str]:
    """Pair of image and label -> yes or no, of every pair that a curator decided."""
    columns = ("image_id", "class_idx", "answer")
    rows = workspace.read_arrow("decisions", columns)
    return {
        (image_id, label): answer
        for image_id, label, answer in zip(*(rows[name].to_pylist() for name in columns), strict=True)
    }
