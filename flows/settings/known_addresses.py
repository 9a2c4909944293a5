"""Addresses that this user has named on this machine; what a workspace remembers adds none.

A workspace may come from somebody else. Its settings apply to the steps that run in it, but a token is not sent, and a
cluster not joined, at an address that only the workspace names: as SSH does with the keys of hosts, an address is
known once its user has given it, on the command line, in a settings file, to a flow run or to a call.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from reground.annotations.label_studio import TOKEN_VARIABLE, parse_address
from reground.tasks.errors import UsageError
from reground.tasks.storage import Storage, open_storage
from reground.tasks.user_data import user_data_folder
from reground.tasks.workspace import Fault, digest

FOLDER: Final = "known-addresses"


def _label_studio(value: Any) -> str:
    try:
        return parse_address(str(value))
    except UsageError:  # said elsewhere, of all settings at once
        return ""


def _cluster(value: Any) -> str:
    kind, _, address = str(value).partition(":")
    return address if kind == "ray" else ""


ADDRESSES: Final[Mapping[str, Callable[[Any], str]]] = {"review.url": _label_studio, "runner": _cluster}
"""Setting -> the address in its value, empty if there is none."""


def remember_addresses(values: Iterable[tuple[str, Any]]) -> None:
    """Keep the addresses in settings, name and value of each, as known on this machine."""
    for name, value in values:
        if name in ADDRESSES and value and (address := ADDRESSES[name](value)) and not _is_known(name, address):
            content = json.dumps({"setting": name, "address": address})
            _storage().put(_key(name, address), content.encode(), private=True)


def unknown_addresses(values: Mapping[str, Any], with_reviews: bool, with_steps: bool) -> Iterator[Fault]:
    """The addresses in a workspace's settings that nobody has named on this machine.

    Args:
        values: setting -> value, of what comes from the workspace.
        with_reviews: whether Label Studio will be asked; without a token in the environment it is sent none.
        with_steps: whether steps will run.
    """
    url = _label_studio(values.get("review.url", "")) if values.get("review.url") else ""
    if with_reviews and url and os.environ.get(TOKEN_VARIABLE) and not _is_known("review.url", url):
        yield Fault(
            "review.url",
            f"only the workspace names {url}, so the token in {TOKEN_VARIABLE} is not sent there; if that is your "
            f"Label Studio, say so once: `--url {url}`",
        )
    cluster = _cluster(values.get("runner", ""))
    if with_steps and cluster and not _is_known("runner", cluster):
        yield Fault(
            "runner",
            f"only the workspace names the cluster {cluster}, which would get code and credentials; if it is yours, "
            f"say so once: `--runner ray:{cluster}`",
        )


def _is_known(name: str, address: str) -> bool:
    try:
        _storage().get(_key(name, address))
    except FileNotFoundError:
        return False
    return True


def _key(name: str, address: str) -> str:
    return f"{FOLDER}/{digest(name, address)}.json"


def _storage() -> Storage:
    return open_storage(user_data_folder())
