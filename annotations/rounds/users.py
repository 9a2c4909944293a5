"""Users: who a person in Label Studio is, whatever becomes of the account. Reads and writes ``users``.

A person is their Label Studio user id. Address and name are labels of it: people are renamed, and Label Studio calls
everybody who has left the organization "Deleted". So both are kept as they were when first seen.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reground.annotations.label_studio import User
from reground.tasks.errors import RegroundError
from reground.tasks.schema import AnnotatorId, UserRow
from reground.tasks.votes import ANONYMOUS, LABEL_STUDIO, RECORDED
from reground.tasks.workspace import Output, Workspace, digest

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client

STEP: Final = "users"


@dataclass(frozen=True)
class UserDirectory:
    """Every user that Label Studio ever listed.

    Attributes:
        rows: user id -> row of ``users``.
        recorded_addresses: addresses whose answers are recordings; their votes have the source ``recorded``.
    """

    rows: Mapping[int, UserRow]
    recorded_addresses: Collection[str] = ()

    def source(self, user_id: int | None) -> str:
        """The source of a user's votes."""
        return RECORDED if any(self.has_address(user_id, it) for it in self.recorded_addresses) else LABEL_STUDIO

    def annotator_id(self, user_id: int | None, annotation_id: int) -> AnnotatorId:
        """Whose an annotation is: SOURCE:USER_ID, or SOURCE:anonymous-ANNOTATION_ID where no account is left."""
        name = f"{ANONYMOUS}-{annotation_id}" if user_id is None else f":{user_id}"
        return AnnotatorId(self.source(user_id) + name)

    def title(self, user_id: int | None) -> str:
        """The user as people know them: address, else name, else id."""
        if user_id is None:
            return "a deleted user"
        row = self.rows.get(user_id)
        return (row and (row["address"] or row["name"])) or f"user {user_id}"

    def has_address(self, user_id: int | None, address: str) -> bool:
        """Whether the user has, or had, an e-mail address."""
        row = None if user_id is None else self.rows.get(user_id)
        return row is not None and address.lower() in row["addresses"]

    def row_of(self, annotator_id: str) -> UserRow | None:
        """The user behind an annotator of Label Studio; None: the account is not known."""
        source, _, name = annotator_id.partition(":")
        return self.rows.get(int(name)) if source in (LABEL_STUDIO, RECORDED) and name.isdecimal() else None

    def title_of(self, annotator_id: str) -> str:
        """As `title`, of an annotator of any source."""
        row = self.row_of(annotator_id)
        return (row and (row["address"] or row["name"])) or annotator_id

    def addresses(self, annotator_id: str) -> list[str]:
        """All addresses that an annotator has or had, the first one first."""
        row = self.row_of(annotator_id)
        return row["addresses"] if row else []


def read_users(workspace: Workspace, recorded_addresses: Collection[str] = ()) -> UserDirectory:
    """The users as far as the workspace has seen them."""
    rows: list[UserRow] = workspace.read_arrow("users").to_pylist()
    return UserDirectory({row["user_id"]: row for row in rows}, frozenset(map(str.lower, recorded_addresses)))


def fetch_users(client: Client, workspace: Workspace, recorded_addresses: Collection[str] = ()) -> UserDirectory:
    """As `read_users`, with what Label Studio says now; writes nothing.

    Raises:
        RegroundError: the same user id is another account now: this is another Label Studio.
    """
    directory = read_users(workspace, recorded_addresses)
    rows = merge_users(directory.rows, client.users(), client.url)
    return UserDirectory(rows, directory.recorded_addresses)


def update_users(client: Client, workspace: Workspace, recorded_addresses: Collection[str] = ()) -> UserDirectory:
    """As `fetch_users`, and commit ``users`` if anybody is new, renamed or gone."""
    directory = fetch_users(client, workspace, recorded_addresses)
    rows = sorted(directory.rows.values(), key=lambda row: row["user_id"])
    key = digest(json.dumps(rows))
    current = workspace.entry(STEP, "all")
    if rows and (current is None or current.key != key):
        workspace.commit(STEP, "all", key, Output({"users": rows}))
    return directory


def merge_users(rows: Mapping[int, UserRow], users: Iterable[User], url: str) -> dict[int, UserRow]:
    """The rows with what Label Studio says now: first addresses stay, new ones are appended.

    Args:
        rows: user id -> row of ``users``.
        users: as `Client.users` lists them.
        url: of Label Studio, for the message.

    Raises:
        RegroundError: a user id belongs to an account with another time of creation.

    Examples:
        >>> users = merge_users({}, [User(7, "ann@lab.org", None, "2026-01-01T00:00:00Z")], "")
        >>> users = merge_users(users, [User(7, "ann.b@lab.org", "Ann B", "2026-01-01T00:00:00Z")], "")
        >>> users = merge_users(users, [User(7, None, None, "2026-01-01T00:00:00Z")], "")
        >>> users[7]["address"], users[7]["name"], users[7]["addresses"]
        ('ann@lab.org', 'Ann B', ['ann@lab.org', 'ann.b@lab.org'])
    """
    merged = dict(rows)
    for user in users:
        row = merged.get(user.id)
        if row is not None:
            _check_same_account(row, user, url)
        address = user.email.lower() if user.email else None
        addresses = [*(row["addresses"] if row else ()), *([address] if address else ())]
        merged[user.id] = {
            "user_id": user.id,
            "address": (row and row["address"]) or address,
            "name": (row and row["name"]) or user.name,
            "addresses": list(dict.fromkeys(addresses)),
            "created_at": (row and row["created_at"]) or user.created_at,
        }
    return merged


def _check_same_account(row: UserRow, user: User, url: str) -> None:
    if None not in (row["created_at"], user.created_at) and row["created_at"] != user.created_at:
        raise RegroundError(
            f"expected user {user.id} of {url} to be {row['address'] or 'the account'} created at {row['created_at']}, "
            f"found an account created at {user.created_at}: this is another Label Studio, where the same ids are "
            "other people. Set review.url to the one that has the questions, or use another workspace."
        )
