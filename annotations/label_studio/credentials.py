"""Credentials of the workspace's own Label Studio: drawn at random once, kept in a file of its data folder."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from reground.tasks.errors import RegroundError
from reground.tasks.redaction import conceal

CREDENTIALS: Final = "credentials.json"


@dataclass(frozen=True)
class Credentials:
    """The owner's account. Label Studio reads it at its first start only."""

    email: str
    password: str
    token: str

    def __repr__(self) -> str:
        return f"Credentials(email={self.email!r})"


def read_credentials(data_dir: Path) -> Credentials | None:
    """The credentials of the Label Studio in ``data_dir``; None: it was never started.

    Raises:
        RegroundError: the file is damaged.
    """
    path = data_dir / CREDENTIALS
    try:
        raw = json.loads(path.read_text())
        return Credentials(raw["email"], conceal(raw["password"]), conceal(raw["token"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise RegroundError(f"expected email, password and token in {path}, found something else: {error!r}.") from None


def create_credentials(data_dir: Path) -> Credentials:
    """Create credentials in a file that only its owner can read, written atomically."""
    password, token = conceal(secrets.token_urlsafe(18)), conceal(secrets.token_hex(20))
    credentials = Credentials("owner@reground.local", password, token)
    write_private(data_dir / CREDENTIALS, json.dumps(asdict(credentials), indent=1))
    return credentials


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, atomically."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)
    temporary.rename(path)
