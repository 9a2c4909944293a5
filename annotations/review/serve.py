"""Serve: run the workspace's own Label Studio."""

from __future__ import annotations

from pathlib import Path

from reground.annotations.label_studio import serve_forever
from reground.annotations.review.connection import DATA_DIR, require_local
from reground.annotations.rounds import DOCUMENT_ROOT, ReviewSettings
from reground.tasks.workspace import Workspace


def serve_label_studio(workspace: Workspace, settings: ReviewSettings) -> None:
    """Run the workspace's own Label Studio until interrupted.

    Raises:
        RegroundError: the workspace is not in a local folder, or Label Studio does not start.
    """
    require_local(workspace)
    serve_forever(Path(workspace.path(DATA_DIR)), settings.port, Path(workspace.path(DOCUMENT_ROOT)))
