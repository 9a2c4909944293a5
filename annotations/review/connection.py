"""Connection: the Label Studio that the settings name, or the workspace's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reground.annotations.label_studio import TOKEN_VARIABLE, UnavailableError, find_server
from reground.annotations.rounds import ReviewSettings
from reground.tasks.errors import RegroundError
from reground.tasks.workspace import Workspace

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client

DATA_DIR: Final = "label-studio"
"""Folder of the workspace with the accounts, tasks and annotations of its own Label Studio."""


def connect(workspace: Workspace, settings: ReviewSettings) -> Client:
    """A client of the Label Studio that the settings name; version and token are checked.

    Raises:
        RegroundError: it does not run, has another version, or accepts no token that we have.
    """
    from reground.annotations.label_studio import Client

    token = os.environ.get(TOKEN_VARIABLE, "")
    server = find_server(Path(workspace.path(DATA_DIR))) if workspace.is_local else None
    if not settings.url and server is None:
        raise UnavailableError(
            f"expected Label Studio to run for {workspace.url}, it does not: start it with "
            f"`reground review serve -w {workspace.shell_url}` in another terminal, or set review.url to another Label "
            f"Studio and {TOKEN_VARIABLE} to its token. Nothing is lost."
        )
    url = settings.url or (server.url if server else "")
    if not token and server is not None and server.url == url.rstrip("/"):
        token = server.credentials.token
    if not token:
        raise RegroundError(
            f"expected a token for {url} in the environment variable {TOKEN_VARIABLE}, found none: Label Studio "
            "shows it on the page Account & Settings."
        )
    client = Client(url, token)
    client.check()
    return client


def require_local(workspace: Workspace) -> None:
    """Check that the workspace is in a local folder.

    Raises:
        RegroundError: it is in an object store.
    """
    if not workspace.is_local:
        raise RegroundError(
            f"expected a workspace in a folder of this machine, got {workspace.url}: Label Studio serves images "
            "from the folder 'review' of the workspace. `reground review pull` works with any workspace."
        )
