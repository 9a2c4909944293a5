"""The settings that a workspace remembers: ``settings.json``, one entry a setting."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reground.tasks.errors import UsageError
from reground.tasks.files import ContentError, parse_json, preview
from reground.tasks.workspace.lock import hold
from reground.tasks.workspace.store import Workspace

PATH: Final = "settings.json"
LOCK: Final = "settings.lock"
MAX_BYTES: Final = 1_000_000


@dataclass(frozen=True)
class Remembered:
    """A value that a workspace remembers.

    Attributes:
        value: as JSON has it, unchecked.
        file: the settings file it came from; empty: the command line.
    """

    value: Any
    file: str = ""


def read(workspace: Workspace) -> dict[str, Remembered]:
    """STEP.FIELD -> what is remembered of it; empty where nothing is.

    Raises:
        UsageError: the file is not as `update` writes it.
    """
    return {name: _entry(workspace, name, entry) for name, entry in _load(workspace).items()}


def names(workspace: Workspace) -> list[str]:
    """What is remembered, readable or not, in order.

    Raises:
        UsageError: the file is not a JSON object.
    """
    return sorted(_load(workspace))


@contextlib.contextmanager
def update(workspace: Workspace) -> Iterator[dict[str, Any]]:
    """Change what is remembered; whoever does so at the same time waits.

    Yields:
        The content of the file, to change in place: name -> ``{"value": ..., "file": ...}``.

    Raises:
        UsageError: the file is not a JSON object.
        RegroundError: it cannot be written.
    """
    with _lock(workspace):
        before = _load(workspace)
        after = dict(before)
        yield after
        if after and after != before:
            workspace.write_bytes(PATH, json.dumps(after, sort_keys=True, indent=1).encode())
        elif before and not after:
            workspace.storage.delete([PATH])


@contextlib.contextmanager
def _lock(workspace: Workspace) -> Iterator[None]:
    """Apart from the workspace's own lock, which a run holds for hours."""
    if workspace.is_local:
        with hold(Path(workspace.path(LOCK)), "reground settings", wait=True, keep=False):
            yield
    else:
        yield


def _load(workspace: Workspace) -> dict[str, Any]:
    try:
        content = workspace.read_bytes(PATH)
    except FileNotFoundError:
        return {}
    try:
        if len(content) > MAX_BYTES:
            raise ContentError(f"{len(content):,} bytes, at most {MAX_BYTES:,} are read")
        values = parse_json(content)
    except ContentError as error:
        raise _malformed(workspace, str(error)) from error
    if not isinstance(values, dict):
        raise _malformed(workspace, f"a {type(values).__name__}")
    return values


def _entry(workspace: Workspace, name: str, entry: Any) -> Remembered:
    if isinstance(entry, dict) and "value" in entry and entry.keys() <= {"value", "file"}:
        return Remembered(entry["value"], str(entry.get("file", "")))
    raise UsageError(
        f"{workspace.path(PATH)}: expected {{\"value\": ...}} for '{name}', got {preview(entry)}: "
        f"`reground settings unset {name} -w {workspace.shell_url}` takes it out."
    )


def _malformed(workspace: Workspace, reason: str) -> UsageError:
    return UsageError(
        f"expected remembered settings, a JSON object, in {workspace.path(PATH)}, got: {reason}. "
        "Move the file away, then give the settings again."
    )
