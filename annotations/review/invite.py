"""Invite: accounts for annotators in the workspace's own Label Studio."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reground.annotations.label_studio import LabelStudioServer, find_server, sign_up, write_private
from reground.annotations.review.connection import DATA_DIR, connect
from reground.annotations.rounds import ReviewSettings, normalize_email
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.workspace import Workspace

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client


@dataclass(frozen=True)
class Account:
    """An annotator's account.

    Attributes:
        email: to log in with.
        is_new: created by this call.
        password_file: file with the first password; None: the account existed before.
    """

    email: str
    is_new: bool
    password_file: str | None


def invite_annotators(workspace: Workspace, settings: ReviewSettings, emails: Sequence[str]) -> list[Account]:
    """Create an account for each address, with a password in a file that only its owner can read.

    The password file is written before the account: after a kill, the same call uses the password in it.

    Args:
        workspace: with a Label Studio of its own.
        settings: see `ReviewSettings`.
        emails: addresses; those with an account stay as they are.

    Raises:
        UsageError: no address, or a malformed one; no account is created then.
        RegroundError: the settings name another Label Studio, or it is unavailable or refuses.
    """
    addresses = [normalize_email(email) for email in dict.fromkeys(emails)]
    if not addresses:
        raise UsageError("expected e-mail addresses: `reground review invite ann@lab.org bob@lab.org -w W`.")
    with connect(workspace, settings) as client:
        server = find_server(Path(workspace.path(DATA_DIR))) if workspace.is_local else None
        if server is None or server.url != client.url:
            raise RegroundError(
                f"expected the workspace's own Label Studio; accounts of {client.url} are created by its owner: open "
                "Organization > Add People there and send everybody the link, then name them in the setting "
                f"review.annotators = {addresses}."
            )
        existing = {user.email.lower() for user in client.users() if user.email}
        return [_create_account(server, client, email, email in existing) for email in addresses]


def _create_account(server: LabelStudioServer, client: Client, email: str, exists: bool) -> Account:
    path = server.data_dir / f"password-{email}"
    if exists:
        return Account(email, False, str(path) if path.exists() else None)
    if not path.exists():
        write_private(path, secrets.token_urlsafe(18))
    sign_up(client, email, path.read_text().strip())
    return Account(email, True, str(path))
