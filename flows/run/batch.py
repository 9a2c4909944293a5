"""What a worker is handed at once, and what it hands back."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from reground.flows import steps
from reground.tasks.workspace import Entry, Shard, Step, StepPlan, Workspace, make_shard

BATCHES = 16
"""Batches a step is cut into per worker: small enough to balance, large enough to schedule."""

MAX_BATCH: Final = 64
"""Shards of a batch: what another process has made is listed when its batch is done."""


def batches(step: Step[Any], plan: StepPlan, workers: int) -> list[list[Shard]]:
    """The missing shards, in order, cut into the pieces a scheduler hands out.

    A step that uses the whole machine for one shard is one batch for each ``args['model']``:
    a model is loaded once.
    """
    if not step.parallel:
        by_model = itertools.groupby(plan.missing, key=lambda shard: shard.args.get("model"))
        return [list(group) for _, group in by_model]
    size = min(MAX_BATCH, max(1, -(-len(plan.missing) // (workers * BATCHES))))
    return [list(plan.missing[start : start + size]) for start in range(0, len(plan.missing), size)]


class Batch(NamedTuple):
    """What a worker has done.

    Attributes:
        units: images, or other units.
        entries: written and not yet listed; empty where the worker lives in the process that holds the workspace.
        error: that ended the batch early, if any.
    """

    units: int
    entries: Sequence[Entry]
    error: Exception | None = None


def run_batch(
    step_name: str, url: str, settings: Any, shards: Sequence[Shard], advance: Callable[[int], None] | None = None
) -> Batch:
    """Make some shards, one after the other; whoever holds the workspace lists them, see `add_batch`.

    Takes names and ids only, so that it can be sent to another process.
    """
    step, workspace = steps.find(step_name), Workspace(url)
    inputs = workspace.snapshot() if step.parallel else workspace  # others learn from the shards before them
    lists = workspace.is_held or not step.parallel
    return _make(step, inputs, settings, shards, workspace.add if lists else None, advance)


def make_batch(step_name: str, url: str, settings: Any, shards: Sequence[Shard]) -> Batch:
    """As `run_batch`, on another machine: the workspace is read as it is now, and none of the shards is listed."""
    return _make(steps.find(step_name), Workspace(url).snapshot(), settings, shards)


def _make(
    step: Step[Any],
    inputs: Workspace,
    settings: Any,
    shards: Sequence[Shard],
    add: Callable[[Sequence[Entry]], None] | None = None,
    advance: Callable[[int], None] | None = None,
) -> Batch:
    entries: list[Entry] = []
    units = 0
    for shard in shards:
        try:
            entry = make_shard(step, inputs, settings, shard)
        except Exception as error:
            return Batch(units, entries, error)
        if add:
            add([entry])
        else:
            entries.append(entry)
        units += shard.size
        if advance:
            advance(shard.size)
    return Batch(units, entries)


def add_batch(workspace: Workspace, batch: Batch) -> int:
    """List what a worker has made. Returns its units.

    Raises:
        Exception: what ended the batch early.
    """
    workspace.add(batch.entries)
    if batch.error is not None:
        raise batch.error
    return batch.units
