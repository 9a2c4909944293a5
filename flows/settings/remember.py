"""What a workspace remembers: settings given on the command line, in a flow run or in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reground.flows.settings.resolve import known, parse, resolve
from reground.flows.settings.sources import RawValue, from_command_line, from_file
from reground.tasks.errors import unknown
from reground.tasks.workspace import Workspace, remembered


def remember(workspace: Workspace, overrides: Mapping[str, Any], config: Path | None = None) -> None:
    """Store settings for the commands and scheduled runs to come; an empty value takes one back.

    Check them first (`check`): what a workspace remembers holds until it is given anew or unset.

    Args:
        workspace: made if need be.
        overrides: as for `resolve`.
        config: a file of settings in TOML; each is stored with the file's path.

    Raises:
        UsageError: unknown settings or wrong values; nothing is stored.
    """
    resolve(workspace, overrides, config)
    fresh = [*from_file(config), *from_command_line(overrides)]
    if not fresh:
        return
    with remembered.update(workspace) as entries:
        for raw in fresh:
            entries.pop(raw.name, None)
            if not raw.is_empty and raw.name in known():
                entries[raw.name] = _entry(raw)


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


def _entry(raw: RawValue) -> dict[str, Any]:
    entry = {"value": parse(raw)}
    return entry | {"file": raw.origin.place} if raw.origin.kind == "file" else entry
