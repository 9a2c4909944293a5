"""Accounts: people who may annotate in the workspace's own Label Studio, made without a browser."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reground.annotations.label_studio import LabelStudioServer, find_server
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.workspace import Workspace

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client

_EMAIL: Final = re.compile(r"[^@\s/\\\[\]]+@[^@\s/\\\[\]]+")


@dataclass(frozen=True)
class Invited:
    """One person's account.

    Attributes:
        email: they log in with it.
        new: made by this call.
        password: file that holds the first password; None where the account was there before.
    """

    email: str
    new: bool
    password: str | None


def invite(workspace: Workspace, data_dir: Path, client: Client, emails: Sequence[str]) -> list[Invited]:
    """An account for each address, with a password in a file that only its owner can read.

    A kill on the way leaves the file first: the same call again uses the password in it.

    Args:
        workspace: whose own Label Studio it is.
        data_dir: of that Label Studio.
        client: of it.
        emails: addresses; those with an account stay as they are.

    Raises:
        UsageError: no address, or something that is none; nothing is made then.
        RegroundError: `client` talks to another Label Studio, or it refuses.
    """
    addresses = [check_email(email) for email in dict.fromkeys(emails)]
    if not addresses:
        raise UsageError("expected e-mail addresses: `reground review invite ann@lab.org bob@lab.org -w W`.")
    own = find_server(data_dir) if workspace.is_local else None
    if own is None or own.url != client.url:
        raise RegroundError(
            f"expected the workspace's own Label Studio, accounts of {client.url} are its owner's to make: open "
            "Organization > Add People there and send everybody the link; then name them in the setting "
            f"review.annotators = {addresses}."
        )
    known = {email.lower() for email in client.user_emails().values()}
    return [_invite(own, client, email, email in known) for email in addresses]


def check_email(email: str) -> str:
    """The address as Label Studio writes it, in small letters.

    Raises:
        UsageError: it is none.
    """
    if not _EMAIL.fullmatch(email):
        raise UsageError(f"expected an e-mail address such as ann@lab.org, got '{email}'.")
    return email.lower()


def _invite(own: LabelStudioServer, client: Client, email: str, known: bool) -> Invited:
    from reground.annotations.label_studio import sign_up  # httpx, which most commands do without

    path = own.data_dir / f"password-{email}"
    if known:
        return Invited(email, False, str(path) if path.exists() else None)
    if not path.exists():
        _write_password(path)
    sign_up(client, email, path.read_text().strip())
    return Invited(email, True, str(path))


def _write_password(path: Path) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(secrets.token_urlsafe(18))
    temporary.rename(path)
