"""Serve: run the workspace's own Label Studio."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from reground.annotations.label_studio import LabelStudioServer, serve_forever
from reground.annotations.review.connection import DATA_DIR, require_local
from reground.annotations.rounds import DOCUMENT_ROOT, IMAGE_FOLDER, ReviewSettings, workspace_tag
from reground.tasks.workspace import Workspace

_IMAGE_FOLDER_FILE: Final = "image-folder"
"""In `DATA_DIR`: the folder of task images, when Label Studio last ran."""


def serve_label_studio(workspace: Workspace, settings: ReviewSettings) -> None:
    """Run the workspace's own Label Studio until interrupted.

    Raises:
        RegroundError: the workspace is not in a local folder, or Label Studio does not start.
    """
    require_local(workspace)
    data_dir, root = Path(workspace.path(DATA_DIR)), Path(workspace.path(DOCUMENT_ROOT))
    serve_forever(data_dir, settings.port, root, lambda server: share_images(workspace, server))


def share_images(workspace: Workspace, server: LabelStudioServer) -> None:
    """Let annotators see the images of all rounds where they are now: a workspace may have been moved or copied.

    Raises:
        RegroundError: Label Studio refuses the folder.
    """
    from reground.annotations.label_studio import Client

    folder, note = workspace.path(DOCUMENT_ROOT, IMAGE_FOLDER), server.data_dir / _IMAGE_FOLDER_FILE
    if not Path(folder).exists() or (note.exists() and note.read_text() == folder):
        return
    with Client(server.url, server.credentials.token) as client:
        for project in client.find_projects(workspace_tag(workspace)):
            client.add_local_storage(project.id, folder)
    note.write_text(folder)
