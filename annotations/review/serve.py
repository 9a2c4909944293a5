"""Serve: run the workspace's own Label Studio."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from reground.annotations.label_studio import LabelStudioServer, serve_forever
from reground.annotations.review.connection import DATA_DIR
from reground.annotations.rounds import DOCUMENT_ROOT, IMAGE_FOLDER, ReviewSettings, local_folder, workspace_tag
from reground.tasks.workspace import Workspace

_IMAGE_FOLDER_FILE: Final = "image-folder"
"""In `DATA_DIR`: the folder of task images, when Label Studio last ran."""


def serve_label_studio(workspace: Workspace, settings: ReviewSettings) -> None:
    """Run the workspace's own Label Studio until interrupted.

    Raises:
        RegroundError: Label Studio does not start.
    """
    folder = local_folder(workspace)
    data_dir, root = folder / DATA_DIR, folder / DOCUMENT_ROOT
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    serve_forever(data_dir, settings.port, root, lambda server: share_images(workspace, server))


def share_images(workspace: Workspace, server: LabelStudioServer) -> None:
    """Let annotators see the images of all rounds where they are now: a workspace may have been moved or copied.

    Raises:
        RegroundError: Label Studio refuses the folder.
    """
    from reground.annotations.label_studio import Client

    folder, note = str(local_folder(workspace) / DOCUMENT_ROOT / IMAGE_FOLDER), server.data_dir / _IMAGE_FOLDER_FILE
    if not Path(folder).exists() or (note.exists() and note.read_text() == folder):
        return
    with Client(server.url, server.credentials.token) as client:
        for project in client.find_projects(workspace_tag(workspace)):
            client.add_local_storage(project.id, folder)
    note.write_text(folder)
