"""Reference truths as arrays."""

from __future__ import annotations

import pytest

from reground.tasks.errors import UsageError
from reground.tasks.references import read_reference, reference_names
from reground.tasks.workspace import Workspace
from tests.support.tables import put, reference_row


def test_rows_become_arrays_in_the_order_of_images(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "reference_truths/real", [reference_row("b", [7, 3], [0.75, 0.5]), reference_row("a", [])])
    put(workspace, "reference_truths/other", [reference_row("c", [8])])
    sets = read_reference(workspace, "real")
    assert list(sets.image_ids) == ["a", "b"]
    assert (sets.image.tolist(), sets.class_idx.tolist()) == ([1, 1], [7, 3])
    assert sets.confidence.tolist() == [0.75, 0.5]
    assert read_reference(workspace, "other").confidence.tolist() == [1.0]
    assert reference_names(workspace) == ["other", "real"]


def test_an_unknown_reference_lists_those_there_are(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "reference_truths/real", [])
    assert len(read_reference(workspace, "real").image_ids) == 0
    with pytest.raises(UsageError, match="unknown reference truth 'reel': did you mean 'real'"):
        read_reference(workspace, "reel")
