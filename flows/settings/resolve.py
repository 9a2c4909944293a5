"""One value for every setting: default, workspace, file, environment, command line; later sources win."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reground.flows.settings.model import Settings
from reground.flows.settings.sources import (
    Origin,
    RawValue,
    from_environment,
    from_file,
    from_overrides,
    from_workspace,
)
from reground.tasks.errors import UsageError, unknown
from reground.tasks.workspace import SettingField, Workspace, build, fields

DEFAULT = Origin("default")


@dataclass(frozen=True)
class Row:
    """A setting, as a person wants to see it."""

    name: str
    value: Any
    origin: Origin
    help: str


@dataclass(frozen=True)
class Resolved:
    """The settings that hold, and where each came from.

    Attributes:
        settings: of every step.
        values: name -> value, of what some source sets.
        origins: name -> source, of the same.
        url: of the workspace.
    """

    settings: Settings
    values: Mapping[str, Any]
    origins: Mapping[str, Origin]
    url: str

    def rows(self) -> list[Row]:
        """Every setting, in the order of the steps."""
        return [
            Row(name, self.values.get(name, field.default), self.origins.get(name, DEFAULT), field.help)
            for name, field in known().items()
        ]


@functools.cache
def known() -> dict[str, SettingField]:
    """STEP.FIELD -> its field, of every setting."""
    return {field.name: field for field in fields(Settings)}


def resolve(workspace: Workspace, overrides: Mapping[str, Any], config: Path | None = None) -> Resolved:
    """Settle every setting. Writes nothing; a command that runs steps calls `resolve_for` instead.

    Args:
        workspace: need not exist.
        overrides: what this command was given, ``{STEP: {FIELD: value}}``; an empty text or None stands for
            the default, whatever other sources say.
        config: a file of settings in TOML.

    Raises:
        UsageError: unknown settings or wrong values; one line each, with where it came from.
    """
    resolved, faults = resolve_with_faults(workspace, overrides, config)
    if faults:
        raise UsageError(report([text for _, text in faults]))
    return resolved


def resolve_with_faults(
    workspace: Workspace, overrides: Mapping[str, Any], config: Path | None
) -> tuple[Resolved, list[tuple[str, str]]]:
    """The settings without those that are unknown or wrong; name and fault of these.

    Args:
        workspace: as for `resolve`.
        overrides: as for `resolve`.
        config: as for `resolve`.

    Raises:
        UsageError: a source cannot be read.
    """
    later = [*from_file(config), *from_environment(), *from_overrides(overrides)]
    replaced = {raw.name for raw in later}
    # What a workspace remembers may be out of date: it is no fault where something else replaces it.
    remembered = [raw for raw in from_workspace(workspace) if raw.name not in replaced]
    last: dict[str, tuple[Any, Origin]] = {}
    faults: list[tuple[str, str]] = []
    for raw in (*remembered, *later):
        try:
            last[raw.name] = parse(raw), raw.origin
        except ValueError as error:
            faults.append((raw.name, f"{error} ({source(raw.name, raw.origin, workspace.url)})"))
    values = {name: value for name, (value, _) in last.items() if value is not None}
    origins = {name: last[name][1] for name in values}
    return Resolved(build(Settings, values), values, origins, workspace.url), faults


def parse(raw: RawValue) -> Any:
    """A raw value as its field takes it; None if it is empty.

    Raises:
        ValueError: an unknown setting, or a wrong value.
    """
    field = known().get(raw.name)
    if field is None:
        if raw.value == {} and any(name.startswith(f"{raw.name}.") for name in known()):
            return None
        raise ValueError(_unknown(raw.name))
    if raw.is_empty:
        return None
    try:
        return field.parse(raw.value, raw.folder)
    except ValueError as error:
        raise ValueError(f"{raw.name}: {error}") from None


def report(faults: Sequence[str]) -> str:
    """One message of all faults: a line each where there are several."""
    if len(faults) == 1:
        return faults[0]
    lines = [f"{len(faults)} settings cannot be used:", *(fault.replace("\n", "\n  ") for fault in faults)]
    return "\n  ".join(lines)


def source(name: str, origin: Origin, url: str) -> str:
    """Where a value came from, and how to take back what is remembered."""
    if origin.kind != "workspace":
        return str(origin)
    return f"{origin}; `reground settings unset {name} -w {shlex.quote(url)}` takes it back"


def _unknown(name: str) -> str:
    step = name.partition(".")[0]
    siblings = [other for other in known() if other.partition(".")[0] == step]
    if siblings:
        return str(unknown("setting", name, siblings))
    return f"{name}: {unknown('step', step, {other.partition('.')[0] for other in known()})}"
