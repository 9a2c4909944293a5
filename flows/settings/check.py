"""Settings are checked before any work: all of the steps that a command will run, at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from reground.annotations.rounds import review_faults
from reground.flows import steps
from reground.flows.run import parse_runner
from reground.flows.settings.known_addresses import unknown_addresses
from reground.flows.settings.resolve import DEFAULT, Resolved, report, resolve_with_faults, source
from reground.tasks.errors import UsageError
from reground.tasks.workspace import Fault, Workspace, refused

REVIEW = "review"
"""Settings of people's work, which no step has."""


def resolve_for(
    step_names: Iterable[str], workspace: Workspace, overrides: Mapping[str, Any], config: Path | None = None
) -> Resolved:
    """Settle every setting, and refuse those that a step would refuse, as far as it shows before any work.

    Args:
        step_names: steps that will run, and ``review`` where people are asked.
        workspace: as for `resolve`.
        overrides: as for `resolve`.
        config: as for `resolve`.

    Raises:
        UsageError: settings are unknown, wrong, or refused by a step, or only the workspace names an address that
            would be sent a token or code; one line for each fault, with where the value came from.
    """
    step_names = list(step_names)
    resolved, faults = resolve_with_faults(workspace, overrides, config)
    unusable = {name for name, _ in faults}
    lines = [text for _, text in faults]
    lines += _lines(resolved, "", refused("runner", parse_runner, resolved.settings.runner), unusable)
    for name in step_names:
        lines += _lines(resolved, f"{name}.", _faults(resolved, name), unusable)
    names = set(step_names)
    remembered = {name: value for name, value in resolved.values.items() if resolved.origins[name].kind == "workspace"}
    lines += _lines(resolved, "", unknown_addresses(remembered, REVIEW in names, bool(names - {REVIEW})), unusable)
    if lines:
        raise UsageError(report(lines))
    return resolved


def _faults(resolved: Resolved, name: str) -> Iterable[Fault]:
    if name == REVIEW:
        return review_faults(resolved.settings.review)
    return steps.find(name).faults(resolved.settings.of(name))


def _lines(resolved: Resolved, prefix: str, faults: Iterable[Fault], unusable: Collection[str]) -> Iterator[str]:
    """A line for each fault, apart from those of settings whose value could not be used in the first place."""
    for field, problem in faults:
        name = prefix + field
        if name not in unusable:
            yield f"{name}: {problem} ({source(name, resolved.origins.get(name, DEFAULT), resolved.url)})"
