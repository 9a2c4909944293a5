"""Whether a folder holds a workspace."""

from __future__ import annotations

from pathlib import Path


def is_workspace(folder: Path) -> bool:
    """Whether a local folder holds a workspace."""
    has_tables = (folder / "manifest").is_dir() and (folder / "tables").is_dir()
    return has_tables or ((folder / "lock").is_file() and (folder / "settings.json").is_file())
