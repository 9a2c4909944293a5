"""People as Label Studio lists them."""

from __future__ import annotations

from collections.abc import Mapping

from reground.annotations.label_studio import User
from reground.annotations.rounds import UserDirectory
from reground.annotations.rounds.users import merge_users


def directory(addresses: Mapping[int, str], *recorded: str) -> UserDirectory:
    """User id -> address, and the addresses whose answers are recordings."""
    users = [User(user_id, address, None, None) for user_id, address in addresses.items()]
    return UserDirectory(merge_users({}, users, "http://127.0.0.1"), recorded)
