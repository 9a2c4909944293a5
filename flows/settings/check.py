"""Settings are checked before any work: all of the steps that a command will run, at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reground.annotations.rounds import review_faults
from reground.flows import steps
from reground.flows.run import parse_runner
from reground.flows.settings.resolve import DEFAULT, Resolved, report, source
from reground.tasks.errors import UsageError
from reground.tasks.workspace import Fault, refused

REVIEW = "review"
"""Settings of people's work, which no step has."""


def check(resolved: Resolved, step_names: Iterable[str]) -> None:
    """Refuse settings that a step would refuse, as far as it shows before any work.

    Args:
        resolved: settings that hold.
        step_names: steps that will run, and ``review`` where people are asked.

    Raises:
        UsageError: one line for each fault, with where the value came from.
    """
    faults = [*_lines(resolved, "", refused("runner", parse_runner, resolved.settings.runner))]
    for name in step_names:
        faults += _lines(resolved, f"{name}.", _faults(resolved, name))
    if faults:
        raise UsageError(report(faults))


def _faults(resolved: Resolved, name: str) -> Iterable[Fault]:
    if name == REVIEW:
        return review_faults(resolved.settings.review)
    return steps.find(name).faults(resolved.settings.of(name))


def _lines(resolved: Resolved, prefix: str, faults: Iterable[Fault]) -> Iterator[str]:
    for field, problem in faults:
        name = prefix + field
        yield f"{name}: {problem} ({source(name, resolved.origins.get(name, DEFAULT), resolved.url)})"
