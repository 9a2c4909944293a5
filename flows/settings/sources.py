"""Where settings come from, each source read as raw values by name.

A setting is ``STEP.FIELD``: ``[masks] seed = 1`` in a TOML file, ``REGROUND_MASKS__SEED=1`` in the
environment, an option on the command line. An empty text takes back what sources before it say; an empty
environment variable says nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from reground.tasks.errors import UsageError
from reground.tasks.files import MAX_TOML_BYTES, parse_toml, read_bytes
from reground.tasks.workspace import Workspace, remembered

PREFIX: Final = "REGROUND_"
SEPARATOR: Final = "__"

Kind = Literal["default", "workspace", "file", "environment", "command line", "flow run", "call"]


@dataclass(frozen=True)
class Origin:
    """Where a value came from.

    Attributes:
        kind: of source.
        place: file or environment variable; of a remembered value the file it was read from, if any.
    """

    kind: Kind
    place: str = ""

    def __str__(self) -> str:
        if self.kind == "workspace" and self.place:
            return f"workspace (file {self.place})"
        return f"{self.kind} {self.place}".strip()


class CallSettings(dict[str, Any]):
    """Settings that a Python function is called with, ``{STEP: {FIELD: value}}``."""


class FlowSettings(dict[str, Any]):
    """Settings that a flow run is given, ``{STEP: {FIELD: value}}``."""


@dataclass(frozen=True)
class RawValue:
    """One setting as a source has it: not yet parsed, its name not yet looked up."""

    name: str
    value: Any
    origin: Origin

    @property
    def folder(self) -> Path | None:
        """That relative paths start from: of a file its own; None: what is remembered has full paths."""
        if self.origin.kind == "file":
            return Path(self.origin.place).parent
        return None if self.origin.kind == "workspace" else Path.cwd()

    @property
    def is_empty(self) -> bool:
        """Whether it takes the setting back."""
        return self.value is None or self.value == ""


def from_workspace(workspace: Workspace) -> Iterator[RawValue]:
    """What the workspace remembers.

    Raises:
        UsageError: its file cannot be read.
    """
    for name, entry in remembered.read(workspace).items():
        yield RawValue(name, entry.value, Origin("workspace", entry.file))


def from_file(path: Path | None) -> Iterator[RawValue]:
    """The settings in a TOML file; none without a path.

    Raises:
        UsageError: no such file, or not TOML.
    """
    if path is None:
        return
    place = os.fsencode(path.absolute()).decode(errors="backslashreplace")  # as it is remembered, so text
    try:
        values = list(flatten(parse_toml(read_bytes(path, MAX_TOML_BYTES))))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"expected settings in TOML at {place}: {error}. Check the path after --config.") from error
    for name, value in values:
        yield RawValue(name, value, Origin("file", place))


def from_environment(environment: Mapping[str, str] = os.environ) -> Iterator[RawValue]:
    """``REGROUND_STEP__FIELD`` and ``REGROUND_RUNNER``; other variables are no settings."""
    for variable, value in sorted(environment.items()):
        name = variable.removeprefix(PREFIX)
        if variable.startswith(PREFIX) and value and (SEPARATOR in name or name == "RUNNER"):
            yield RawValue(name.lower().replace(SEPARATOR, "."), value, Origin("environment", variable))


def from_overrides(overrides: Mapping[str, Any]) -> Iterator[RawValue]:
    """The settings that a command is given, ``{STEP: {FIELD: value}}``, or a call or a flow run if they are theirs."""
    kinds: dict[type[Any], Kind] = {CallSettings: "call", FlowSettings: "flow run"}
    origin = Origin(kinds.get(type(overrides), "command line"))
    for name, value in flatten(overrides):
        yield RawValue(name, value, origin)


def flatten(nested: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """``{"masks": {"seed": 1}}`` -> ``("masks.seed", 1)``; an empty table stays one."""
    for key, value in nested.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
