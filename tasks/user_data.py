"""Where data of this user lies that belongs to no workspace."""

from __future__ import annotations

import os
from pathlib import Path


def user_data_folder() -> Path:
    """``$XDG_DATA_HOME/reground``, by default ``~/.local/share/reground``; need not exist."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share", "reground")
