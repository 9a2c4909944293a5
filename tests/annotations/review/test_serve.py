"""A real Label Studio: moved with its workspace, busy, or serving another folder."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from reground.annotations.label_studio import Client, UnavailableError, find_server, run_server
from reground.annotations.label_studio import connection as connections
from reground.annotations.review import DATA_DIR, DOCUMENT_ROOT, ReviewSettings, connect, push_questions
from reground.annotations.review.serve import share_images
from reground.annotations.rounds import read_tasks
from reground.tasks.errors import RegroundError
from reground.tasks.workspace import Workspace
from tests.support.label_studio_world import CANDIDATES, LabelStudio, fill, photographs

pytestmark = pytest.mark.slow

pytest_plugins = ["tests.support.label_studio_fixture"]


def image_paths(client: Client, workspace: Workspace) -> list[str]:
    """The addresses of the photographs that the questions show."""
    project_ids = sorted({task.project_id for task in read_tasks(workspace)})
    return [str(data["image"]) for project_id in project_ids for _, data in client.list_tasks(project_id)]


def test_a_moved_workspace_goes_on_showing_its_photographs(
    label_studio: LabelStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REGROUND_LABEL_STUDIO_TOKEN")
    before, after = tmp_path / "before", tmp_path / "after"
    label_studio.stop()
    shutil.copytree(label_studio.root / "data", before / DATA_DIR)
    label_studio.start()
    workspace = Workspace(before)
    fill(workspace, CANDIDATES, photographs())
    with run_server(before / DATA_DIR, 0, before / DOCUMENT_ROOT):
        push_questions(workspace, ReviewSettings(), "classify")
    assert find_server(before / DATA_DIR) is None
    before.rename(after)
    workspace = Workspace(after)
    with (
        run_server(after / DATA_DIR, 0, after / DOCUMENT_ROOT) as server,
        connect(workspace, ReviewSettings()) as client,
    ):
        paths = image_paths(client, workspace)
        with pytest.raises(RegroundError, match=r"expected an image at .*status 404"):
            client.check_image(paths[0])
        share_images(workspace, server)
        for path in paths:
            client.check_image(path)
    assert len(paths) == len(CANDIDATES)


def test_a_push_without_new_questions_shares_the_photographs_too(label_studio: LabelStudio, tmp_path: Path) -> None:
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    push_questions(workspace, settings, "classify")
    with label_studio.client() as client:
        (path, *_) = image_paths(client, workspace)
        (project_id,) = {task.project_id for task in read_tasks(workspace)}
        for storage in client._sdk.import_storage.local.list(project=project_id):
            client._sdk.import_storage.local.delete(int(storage.id or 0))
    assert push_questions(workspace, settings, "classify").new == 0
    with label_studio.client() as client:
        assert len(list(client._sdk.import_storage.local.list(project=project_id))) == 1
        client.check_image(path)


def test_a_wrong_document_root_is_named(label_studio: LabelStudio, tmp_path: Path) -> None:
    workspace = label_studio.workspace(tmp_path / "w")
    (tmp_path / "elsewhere" / "pictures").mkdir(parents=True)
    settings = ReviewSettings(url=label_studio.server.url, document_root=str(tmp_path / "elsewhere"))
    with pytest.raises(RegroundError, match=r"must be a subdirectory of LOCAL_FILES_DOCUMENT_ROOT") as raised:
        push_questions(workspace, settings, "classify")
    assert "set review.document_root to the path of that folder on its machine" in str(raised.value)
    settings = ReviewSettings(url=label_studio.server.url, document_root=str(tmp_path / "none"))
    with pytest.raises(RegroundError, match=r"does not exist.*review.document_root"):
        push_questions(workspace, settings, "classify")


def test_a_database_that_is_locked_is_not_a_server_that_does_not_run(
    label_studio: LabelStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REGROUND_LABEL_STUDIO_TOKEN")
    workspace = label_studio.workspace(tmp_path / "w")
    Path(workspace.path(DATA_DIR)).symlink_to(label_studio.root / "data")
    with (
        monkeypatch.context() as patch,
        sqlite3.connect(label_studio.root / "data" / "label_studio.sqlite3", isolation_level=None) as database,
    ):
        patch.setattr(connections, "CHECK_TIMEOUT", 2.0)
        database.execute("BEGIN EXCLUSIVE")
        try:
            with pytest.raises(UnavailableError, match=rf"runs \(process {label_studio.server.pid}\)"):
                connect(workspace, ReviewSettings())
        finally:
            database.execute("ROLLBACK")
    with connect(workspace, ReviewSettings()) as client:
        assert client.url == label_studio.server.url
