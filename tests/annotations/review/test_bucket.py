"""A review of a workspace and photographs in a bucket: task images lie in a folder of this machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from reground.annotations.review import DOCUMENT_ROOT, pull_votes, push_questions
from reground.annotations.rounds import IMAGE_FOLDER, local_folder, read_tasks
from reground.tasks.workspace import Output, Workspace
from tests.support.bucket import Bucket
from tests.support.label_studio_world import CANDIDATES, LabelStudio, fill, photographs

pytest_plugins = ["tests.support.label_studio_fixture"]


def test_a_round_of_a_workspace_in_a_bucket(
    label_studio: LabelStudio, tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    workspace, pictures = Workspace(f"{bucket.url}/w"), photographs()
    for stem, path in pictures.items():
        bucket.storage.put(f"val/{stem}.jpg", path.read_bytes())
    fill(workspace, CANDIDATES, pictures)
    rows = workspace.read("images").to_dict("records")
    for row in rows:
        row["uri"] = f"{bucket.url}/val/{row['image_id']}.jpg"
        row["sha256"] = hashlib.sha256(pictures[row["image_id"]].read_bytes()).hexdigest()
        row["boxes"] = []
    others = {name: workspace.read(name).to_dict("records") for name in ("classes", "candidates")}
    for table in others.values():
        for row in table:
            row |= {key: value.tolist() for key, value in row.items() if hasattr(value, "tolist")}
    workspace.commit("index", "0000", "other", Output({"images": rows, **others}))
    folder = local_folder(workspace)
    assert folder.is_relative_to(tmp_path / "data")
    (folder / DOCUMENT_ROOT / IMAGE_FOLDER).mkdir(parents=True)
    label_studio.serve_pictures(folder)

    summary = push_questions(workspace, label_studio.settings(selection="candidates"), "classify")
    assert summary.new == summary.total == len(read_tasks(workspace)) > 0
    assert len(list((folder / DOCUMENT_ROOT / IMAGE_FOLDER).rglob("*.jpg"))) >= summary.new
    assert not bucket.storage.list(f"w/{DOCUMENT_ROOT}")
    again = push_questions(workspace, label_studio.settings(selection="candidates"), "classify")
    assert (again.new, again.total) == (0, summary.total)
    assert pull_votes(workspace, label_studio.settings()).votes == 0
