"""Connection: the Label Studio that the settings name, or the workspace's own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from reground.annotations.label_studio import (
    TOKEN_VARIABLE,
    LabelStudioServer,
    UnavailableError,
    find_server,
    parse_address,
    parse_token,
    same_server,
)
from reground.annotations.rounds import ReviewSettings, local_folder
from reground.tasks.errors import RegroundError
from reground.tasks.workspace import Workspace

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client

DATA_DIR: Final = "label-studio"
"""Folder of the workspace, or of `local_folder`, with the accounts, tasks and annotations of its own Label Studio."""


def connect(workspace: Workspace, settings: ReviewSettings) -> Client:
    """A client of the Label Studio that the settings name; version and token are checked.

    Raises:
        UsageError: the address, the token or the file of certificates cannot be used.
        UnavailableError: it does not run, or is busy; the message says which.
        RegroundError: another program or version answers, or it accepts no token that we have.
    """
    from reground.annotations.label_studio import Client

    own = own_server(workspace)
    url = parse_address(settings.url) if settings.url else own.url if own else ""
    if not url:
        raise UnavailableError(
            f"expected Label Studio to run for {workspace.url}, it does not: start it with "
            f"`reground review serve -w {workspace.shell_url}` in another terminal, or set review.url to another Label "
            f"Studio and {TOKEN_VARIABLE} to its token. Nothing is lost."
        )
    is_own = own is not None and same_server(own.url, url)
    token = parse_token(os.environ.get(TOKEN_VARIABLE, "")) or (own.credentials.token if own and is_own else "")
    if not token:
        raise RegroundError(
            f"expected a token for {url} in the environment variable {TOKEN_VARIABLE}, found none: Label Studio "
            "shows it on the page Account & Settings."
        )
    client = Client(url, token, settings.ca_file)
    try:
        client.check()
    except UnavailableError as error:
        raise _not_ready(own) if own and is_own else error from error
    return client


def own_server(workspace: Workspace) -> LabelStudioServer | None:
    """The workspace's own Label Studio, if it was started and has not ended."""
    return find_server(local_folder(workspace) / DATA_DIR)


def _not_ready(server: LabelStudioServer) -> UnavailableError:
    return UnavailableError(
        f"Label Studio runs (process {server.pid}), but is not ready: it is starting, which takes half a minute the "
        f"first time, or busy. Nothing is lost: run the command again once it answers at {server.url}."
    )
