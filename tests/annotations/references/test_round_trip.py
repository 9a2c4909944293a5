"""What reground exports comes in again as a reference truth that differs from the truth in nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.annotations.references import import_reference
from reground.annotations.truth import diff
from reground.tasks.export import export
from reground.tasks.workspace import Workspace
from tests.support.export_world import EMPTY, EXTENDED, IMAGENET, STRANGE, judged
from tests.support.published_labels import labels


@pytest.mark.parametrize("images", [IMAGENET, {**IMAGENET, **STRANGE}])
def test_real_json(tmp_path: Path, images: dict[str, int]) -> None:
    workspace = judged(tmp_path, images)
    out = export(workspace, "real", tmp_path / "out", "settled").folder
    import_reference(workspace, "again", out / "real.json")
    found = diff(workspace, "own", "again")
    assert found.compared and not [change for change in found.changes if change.image_id != EMPTY]
    assert found.scores[0].agreement.f1.value == 1


def test_a_detection_file(tmp_path: Path) -> None:
    """Every settled label with a photograph is an annotation."""
    workspace = judged(tmp_path, IMAGENET)
    out = export(workspace, "coco", tmp_path / "out", "settled").folder
    import_reference(workspace, "again", out / "annotations" / "labels_val.json")
    assert labels(workspace, "again")[EXTENDED] == [1, 0]
    assert diff(workspace, "again", "own").changes == []


def test_into_another_workspace_by_name(tmp_path: Path) -> None:
    workspace = judged(tmp_path, {**IMAGENET, **STRANGE})
    out = export(workspace, "real", tmp_path / "out", "settled").folder
    other = Workspace(tmp_path / "other")
    import_reference(other, "theirs", out / "real.json")
    assert sorted(labels(other, "theirs")[EXTENDED]) == [0, 1]
