"""Credentials of the workspace's own Label Studio: drawn once, kept in a file of its folder."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from reground.tasks.errors import RegroundError

CREDENTIALS: Final = "credentials.json"


@dataclass(frozen=True)
class Credentials:
    """Who may do everything in one Label Studio. Label Studio reads them at its first start only."""

    email: str
    password: str
    token: str

    def __repr__(self) -> str:
        return f"Credentials(email={self.email!r})"


def read_credentials(data_dir: Path) -> Credentials | None:
    """The credentials of the Label Studio in ``data_dir``, if it was ever started.

    Raises:
        RegroundError: the file is damaged.
    """
    path = data_dir / CREDENTIALS
    try:
        raw = json.loads(path.read_text())
        return Credentials(raw["email"], raw["password"], raw["token"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise RegroundError(f"expected email, password and token in {path}, found something else: {error!r}.") from None


def make_credentials(data_dir: Path) -> Credentials:
    """New ones, in a file that only its owner can read, whole or not at all."""
    made = Credentials("owner@reground.local", secrets.token_urlsafe(18), secrets.token_hex(20))
    temporary = data_dir / f".{CREDENTIALS}.tmp"
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        json.dump(asdict(made), handle, indent=1)
    temporary.rename(data_dir / CREDENTIALS)
    return made
