"""Invite: accounts for annotators in the workspace's own Label Studio."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reground.annotations.label_studio import LabelStudioServer, same_server, sign_up, write_private
from reground.annotations.review.connection import connect, own_server
from reground.annotations.rounds import ReviewSettings, normalize_email
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.redaction import conceal
from reground.tasks.workspace import Workspace

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client

MAX_LENGTH: Final = 240
"""Characters of an address; the password is in a file named after it."""
_LABEL: Final = r"[^\W_]([^\W_]|-(?!\.)){0,62}"
_ADDRESS: Final = re.compile(
    rf"[a-z0-9!#$%&'*+=?^_`{{|}}~-]+(\.[a-z0-9!#$%&'*+=?^_`{{|}}~-]+)*@({_LABEL}\.)+{_LABEL}(?<!-)(?<!\.[^\W_])"
)
"""Addresses that Label Studio takes; of the name before the @ it takes no letters with accents."""


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


class InvitationError(RegroundError):
    """Not every account could be created.

    Attributes:
        accounts: those that exist; the same call creates the others.
    """

    def __init__(self, message: str, accounts: Sequence[Account] = ()) -> None:
        super().__init__(message)
        self.accounts = list(accounts)


def invite_annotators(workspace: Workspace, settings: ReviewSettings, emails: Sequence[str]) -> list[Account]:
    """Create an account for each address, with a password in a file that only its owner can read.

    The password file is written before the account: after a kill, the same call uses the password in it.

    Args:
        workspace: with a Label Studio of its own.
        settings: see `ReviewSettings`.
        emails: addresses; those with an account stay as they are.

    Raises:
        UsageError: no address, or malformed ones; no account is created then.
        InvitationError: Label Studio refuses an account, or becomes unavailable; it names the accounts created.
        RegroundError: the settings name another Label Studio, or it is unavailable.
    """
    addresses = _addresses(emails)
    with connect(workspace, settings) as client:
        server = own_server(workspace)
        if server is None or not same_server(server.url, client.url):
            raise RegroundError(
                f"expected the workspace's own Label Studio; accounts of {client.url} are created by its owner: open "
                "Organization > Add People there and send everybody the link, then name them in the setting "
                f"review.annotators = {addresses}."
            )
        existing = {user.email.lower() for user in client.users() if user.email}
        accounts: list[Account] = []
        for email in addresses:
            try:
                accounts.append(_create_account(server, client, email, email in existing))
            except RegroundError as error:
                raise _half_done(error, accounts, addresses) from error
        return accounts


def _addresses(emails: Sequence[str]) -> list[str]:
    """In lower case, each once.

    Raises:
        UsageError: no address, or malformed ones; the message lists all of them.
    """
    addresses: list[str] = []
    malformed: list[str] = []
    for email in dict.fromkeys(text.strip() for text in emails):
        is_valid = len(email) <= MAX_LENGTH and _ADDRESS.fullmatch(email.lower())
        (addresses if is_valid else malformed).append(email)
    if malformed:
        names = ", ".join(f"'{email}'" for email in malformed)
        raise UsageError(
            f"expected e-mail addresses that Label Studio takes, such as ann@lab.org, got {names}: it takes no letters "
            "with accents before the @. No account was created."
        )
    if not addresses:
        raise UsageError("expected e-mail addresses: `reground review invite ann@lab.org bob@lab.org -w W`.")
    return list(dict.fromkeys(map(normalize_email, addresses)))


def _half_done(error: RegroundError, accounts: Sequence[Account], addresses: Sequence[str]) -> InvitationError:
    created = [account.email for account in accounts if account.is_new]
    missing = [email for email in addresses if email not in {account.email for account in accounts}]
    return InvitationError(
        f"{error}\nCreated before that: {', '.join(created) or 'no account'}. Not created: {', '.join(missing)}; the "
        "same command creates them.",
        accounts,
    )


def _create_account(server: LabelStudioServer, client: Client, email: str, exists: bool) -> Account:
    path = server.data_dir / f"password-{email}"
    if exists:
        return Account(email, False, str(path) if path.exists() else None)
    if not path.exists():
        write_private(path, secrets.token_urlsafe(18))
    sign_up(client, email, conceal(path.read_text().strip()))
    return Account(email, True, str(path))
