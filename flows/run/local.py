"""Run a step on this machine with no Prefect: threads, processes, or Ray."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from reground.flows import steps
from reground.flows.run.batch import Batch, add_batch, batches, run_batch
from reground.flows.run.ray.connect import require_ray
from reground.flows.run.ray.step import run_on_ray
from reground.flows.run.worker_processes import process_pool
from reground.tasks.cores import cores
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.workspace import Step, StepPlan, Workspace, finish, retire, todo


class Progress(Protocol):
    """Told how far a step is; units are images where the step has images."""

    def start(self, step: str, total: int, done: int) -> None: ...
    def advance(self, step: str, count: int) -> None: ...
    def end(self, step: str, note: str) -> None: ...


@dataclass(frozen=True)
class Runner:
    """Where shards are worked on: ``threads``, ``processes`` or ``ray``, and how many at once.

    Attributes:
        kind: one of the three.
        workers: threads or processes; Ray's depend on the cluster.
        address: of the cluster; empty: this machine.
    """

    kind: str
    workers: int
    address: str = ""


def parse_runner(spec: str) -> Runner:
    """``threads``, ``threads:4``, ``processes:2``, ``ray`` or ``ray:ADDRESS``.

    Raises:
        UsageError: anything else, or Ray is asked for and not installed.
    """
    kind, _, rest = spec.partition(":")
    if kind in ("threads", "processes") and (not rest or (rest.isdigit() and int(rest) > 0)):
        return Runner(kind, int(rest or cores()))
    if kind == "ray":
        require_ray()
        return Runner(kind, cores(), rest)
    raise UsageError(f"unknown runner '{spec}': expected threads[:N], processes[:N] or ray[:ADDRESS]")


def run_step(step_name: str, workspace: Workspace, settings: Any, runner: Runner, progress: Progress) -> StepPlan:
    """Do what is missing of a step. Stops at the first error, keeping the shards done by then."""
    step = steps.find(step_name)
    plan = todo(step, workspace, settings)
    done = sum(s.size for s in plan.shards) - sum(s.size for s in plan.missing)
    progress.start(step_name, sum(s.size for s in plan.shards), done)
    work = (
        run_on_ray(step, workspace, settings, plan, runner.address)
        if runner.kind == "ray"
        else _work(step, workspace, settings, plan, runner, progress)
    )
    retire(step, workspace, plan)
    for units in work:
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
    return ThreadPoolExecutor(runner.workers)
