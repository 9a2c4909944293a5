"""Run a step on this machine with no Prefect: threads, processes, or Ray."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from reground.flows import steps
from reground.flows.run.worker_processes import process_pool
from reground.tasks.cores import cores
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.workspace import Entry, Shard, Step, StepPlan, Workspace, finish, make_shard, retire, todo

BATCHES = 16
"""Batches a step is cut into per worker: small enough to balance, large enough to schedule."""

MAX_BATCH: Final = 64
"""Shards of a batch: what another process has made is listed when its batch is done."""


class Progress(Protocol):
    """Told how far a step is; units are images where the step has images."""

    def start(self, step: str, total: int, done: int) -> None: ...
    def advance(self, step: str, count: int) -> None: ...
    def end(self, step: str, note: str) -> None: ...


@dataclass(frozen=True)
class Runner:
    """Where shards are worked on: ``threads``, ``processes`` or ``ray``, and how many at once."""

    kind: str
    workers: int
    address: str = ""


def parse_runner(spec: str) -> Runner:
    """``threads``, ``threads:4``, ``processes:2``, ``ray`` or ``ray:ADDRESS``.

    Raises:
        UsageError: anything else.
    """
    kind, _, rest = spec.partition(":")
    if kind in ("threads", "processes") and (not rest or (rest.isdigit() and int(rest) > 0)):
        return Runner(kind, int(rest or cores()))
    if kind == "ray":
        return Runner(kind, cores(), rest)
    raise UsageError(f"unknown runner '{spec}': expected threads[:N], processes[:N] or ray[:ADDRESS]")


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
    entries: list[Entry] = []
    units = 0
    for shard in shards:
        try:
            entry = make_shard(step, inputs, settings, shard)
        except Exception as error:
            return Batch(units, entries, error)
        if workspace.is_held or not step.parallel:
            workspace.add([entry])
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


def run_step(step_name: str, workspace: Workspace, settings: Any, runner: Runner, progress: Progress) -> StepPlan:
    """Do what is missing of a step. Stops at the first error, keeping the shards done by then."""
    step = steps.find(step_name)
    plan = todo(step, workspace, settings)
    done = sum(s.size for s in plan.shards) - sum(s.size for s in plan.missing)
    progress.start(step_name, sum(s.size for s in plan.shards), done)
    retire(step, workspace, plan)
    for units in _work(step, workspace, settings, plan, runner, progress):
        progress.advance(step_name, units)
    finish(step, workspace, plan)
    progress.end(step_name, plan.describe())
    return plan


def _work(
    step: Step[Any], workspace: Workspace, settings: Any, plan: StepPlan, runner: Runner, progress: Progress
) -> Iterator[int]:
    pieces = batches(step, plan, runner.workers)
    if not step.parallel or runner.workers == 1:
        for piece in pieces:
            watched = functools.partial(progress.advance, step.name)
            add_batch(workspace, run_batch(step.name, workspace.url, settings, piece, watched))
        return
    with _executor(runner) as pool:
        futures = [pool.submit(run_batch, step.name, workspace.url, settings, piece) for piece in pieces]
        try:
            for future in as_completed(futures):
                yield add_batch(workspace, settled(future.result))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def settled(result: Callable[[], Batch]) -> Batch:
    """What a batch did.

    Args:
        result: of its future.

    Raises:
        RegroundError: its worker was killed; or whatever the batch raised.
    """
    try:
        return result()
    except BrokenExecutor as error:
        raise RegroundError(
            "a worker process was killed, often for want of memory. Everything listed in the manifest is kept: "
            "run the same command again, with fewer workers (--runner processes:N) or with threads."
        ) from error


def _executor(runner: Runner) -> AbstractContextManager[Executor]:
    if runner.kind == "processes":
        return process_pool(runner.workers)
    if runner.kind == "ray":
        from reground.flows.run.ray import RayExecutor

        return RayExecutor(runner.address)
    return ThreadPoolExecutor(runner.workers)
