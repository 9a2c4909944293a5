"""What a workspace remembers: settings given on the command line, in a flow run or in a file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from reground.flows.settings.known_addresses import remember_addresses
from reground.flows.settings.resolve import known, parse, resolve
from reground.flows.settings.sources import RawValue, from_file, from_overrides
from reground.tasks.errors import RegroundError, UsageError, unknown
from reground.tasks.workspace import Workspace, lock, remembered

UNUSED: Final = {"lock", remembered.PATH}
"""All that a folder holds in which no step has run."""


def remember(workspace: Workspace, overrides: Mapping[str, Any], config: Path | None = None) -> None:
    """Store settings for the commands and scheduled runs to come; an empty value takes one back.

    Check them first (`resolve_for`), and prefer `remembering` around work that may refuse them.

    Args:
        workspace: made if need be.
        overrides: as for `resolve`.
        config: a file of settings in TOML; each is stored with the file's path.

    Raises:
        UsageError: unknown settings or wrong values; nothing is stored.
    """
    _store(workspace, overrides, config)


@contextlib.contextmanager
def remembering(workspace: Workspace, overrides: Mapping[str, Any], config: Path | None = None) -> Iterator[None]:
    """As `remember`, around a command: one that is refused leaves the workspace as it was.

    After a UsageError what was remembered before holds again. After any RegroundError a folder that was made
    for the command, and that no step has written to, is removed.
    """
    absent = _absent_folders(workspace)
    before = _store(workspace, overrides, config)
    try:
        yield
    except RegroundError as error:
        if isinstance(error, UsageError):
            _restore(workspace, before)
        if absent:
            _remove_unused(workspace, absent)
        raise


def forget(workspace: Workspace, name: str) -> None:
    """Take a remembered setting back.

    Args:
        workspace: that remembers it.
        name: STEP.FIELD.

    Raises:
        UsageError: it is not remembered; the message lists what is.
    """
    names = remembered.names(workspace)
    if name not in names:
        raise unknown("remembered setting", name, names)
    with remembered.update(workspace) as entries:
        entries.pop(name, None)


def _store(workspace: Workspace, overrides: Mapping[str, Any], config: Path | None) -> dict[str, Any]:
    """Remember; returns the entries that this changed, as they were: None where there was none."""
    resolve(workspace, overrides, config)
    values = [raw for raw in (*from_file(config), *from_overrides(overrides)) if raw.name in known()]
    if not values:
        return {}
    remember_addresses((raw.name, raw.value) for raw in values)
    with remembered.update(workspace) as entries:
        before = {raw.name: entries.get(raw.name) for raw in values}
        for raw in values:
            entries.pop(raw.name, None)
            if not raw.is_empty:
                entries[raw.name] = _entry(raw)
    return before


def _restore(workspace: Workspace, before: Mapping[str, Any]) -> None:
    if before:
        with remembered.update(workspace) as entries:
            for name, entry in before.items():
                entries.pop(name, None)
                if entry is not None:
                    entries[name] = entry


def _absent_folders(workspace: Workspace) -> list[Path]:
    """The folder of the workspace and those above it that are not there, innermost first."""
    if not workspace.is_local:
        return []
    folder = Path(workspace.root)
    return [path for path in (folder, *folder.parents) if not path.exists()]


def _remove_unused(workspace: Workspace, folders: list[Path]) -> None:
    root = Path(workspace.root)
    if not root.is_dir() or {path.name for path in root.iterdir()} - UNUSED:
        return
    with contextlib.suppress(RegroundError, OSError):  # somebody else has begun to use it
        with lock.hold(root / "lock", "reground", wait=False, keep=False):
            (root / remembered.PATH).unlink(missing_ok=True)
        for folder in folders:
            folder.rmdir()


def _entry(raw: RawValue) -> dict[str, Any]:
    entry = {"value": parse(raw)}
    return entry | {"file": raw.origin.place} if raw.origin.kind == "file" else entry
