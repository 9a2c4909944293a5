"""Steps inside a Prefect flow: one task for each batch of shards; the manifest decides what is missing."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.exceptions import ExternalSignal
from prefect.flows import Flow
from prefect.futures import as_completed
from prefect.states import Completed, Failed
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from reground.flows import steps
from reground.flows.artifacts import RunProgress, create_step_artifact
from reground.flows.overrides import Overrides
from reground.flows.run import (
    BATCHES,
    Batch,
    Runner,
    Silence,
    add_batch,
    batches,
    follow_parent,
    is_listening,
    parse_runner,
    run_batch,
    run_on_ray,
    settled,
    terminate_workers,
    watch,
)
from reground.flows.settings import FlowSettings, Settings, remembering, resolve_for
from reground.flows.waiting import waiting
from reground.tasks.errors import RegroundError
from reground.tasks.workspace import Shard, Step, StepPlan, Workspace, finish, retire, todo

MAX_TASK_RUNS = 128
"""In one step: the server records some 35 a second, and SQLite stalls after bursts of hundreds."""


@task(
    name="batch",
    task_run_name="{step_name} {number}/{count}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=0,
)
def work_on(
    step_name: str,
    number: int,
    count: int,
    url: str,
    settings: Any,
    shards: Sequence[Shard],
    advance: Callable[[int], None] | None = None,
) -> Batch | State[Batch]:
    """Run one batch of a step. Takes ids and paths, never rows; the flow lists what it returns.

    Where a shard fails the task run fails, and its state carries what the batch had made before.
    """
    batch = run_batch(step_name, url, settings, shards, advance)
    return batch if batch.error is None else Failed(message=str(batch.error), data=batch)


@task(name="ray", task_run_name="{step_name} on Ray", cache_policy=NO_CACHE, persist_result=False, retries=0)
def work_on_ray(step_name: str, work: Callable[[], None]) -> None:
    """Run the missing shards of a step on Ray."""
    work()


def outcome(result: Callable[..., Any]) -> Batch:
    """What a batch did, also if it failed.

    Args:
        result: of a future or a state of Prefect.

    Raises:
        Exception: the task run ended without a batch.
    """
    value = result(raise_on_failure=False)
    if isinstance(value, BaseException):
        raise value
    return value


@dataclass(frozen=True)
class RunContext:
    """A locked workspace, with all that a flow run needs to run steps on it.

    Attributes:
        workspace: locked for the length of the flow run.
        settings: of all steps.
        runner: kind and number of workers.
        pool: Prefect's task runner.
    """

    workspace: Workspace
    settings: Settings
    runner: Runner
    pool: TaskRunner[Any]

    def run(self, step_name: str) -> None:
        """Run the missing shards of a step, and publish an artifact. Stops at the first error."""
        start_time = time.monotonic()
        step, settings = steps.find(step_name), self.settings.of(step_name)
        plan = todo(step, self.workspace, settings)
        with watch() if is_listening() else Silence() as terminal:
            progress = RunProgress(self.workspace, terminal)
            self._work(step, settings, plan, progress)
            finish(step, self.workspace, plan)
            progress.end(step_name, plan.describe())
        if plan.missing:
            create_step_artifact(self.workspace, step_name, time.monotonic() - start_time)

    def summary(self) -> State[Any]:
        """The final state of a flow run; its message counts the images that wait for votes."""
        return Completed(message="; ".join(waiting(self.workspace)) or "no images wait for votes")

    def _work(self, step: Step[Any], settings: Any, plan: StepPlan, progress: RunProgress) -> None:
        total, missing = (sum(shard.size for shard in shards) for shards in (plan.shards, plan.missing))
        progress.start(step.name, total, total - missing)
        if self.runner.kind == "ray":
            work_on_ray(step.name, functools.partial(self._work_on_ray, step, settings, plan, progress))
            return
        retire(step, self.workspace, plan)
        workers = min(self.runner.workers, MAX_TASK_RUNS // BATCHES)
        step_batches = batches(step, plan, workers)
        calls = [
            {
                "step_name": step.name,
                "number": number,
                "count": len(step_batches),
                "url": self.workspace.url,
                "settings": settings,
                "shards": batch,
            }
            for number, batch in enumerate(step_batches, 1)
        ]
        if step.parallel and len(calls) > 1:
            futures = [self.pool.submit(work_on, parameters={**call, "advance": None}) for call in calls]
            for future in as_completed(futures):
                batch = settled(functools.partial(outcome, future.result))
                progress.advance(step.name, add_batch(self.workspace, batch))
        else:
            for call in calls:
                watched = functools.partial(progress.advance, step.name)
                add_batch(self.workspace, outcome(work_on(**call, advance=watched, return_state=True).result))

    def _work_on_ray(self, step: Step[Any], settings: Any, plan: StepPlan, progress: RunProgress) -> None:
        units_of_calls = run_on_ray(step, self.workspace, settings, plan, self.runner.address)
        retire(step, self.workspace, plan)
        for units in units_of_calls:
            progress.advance(step.name, units)


@contextlib.contextmanager
def open_workspace(
    command: str, workspace_url: str, overrides: dict[str, Any] | None, step_names: Iterable[str] = ()
) -> Iterator[tuple[Workspace, Settings]]:
    """Lock a workspace for a flow run; yields it with its settings.

    Args:
        command: shown to others who wait for the workspace.
        workspace_url: folder or object-store URL.
        overrides: settings, {step: {field: value}}; the workspace remembers them.
        step_names: steps whose settings are checked before anything is written.

    Raises:
        UsageError: the workspace has no name, or a setting cannot be used.
    """
    workspace, settings = Workspace(workspace_url), FlowSettings(overrides or {})
    resolve_for(step_names, workspace, settings)
    with remembering(workspace, settings), _lock(workspace, f"reground {command}"):
        # The run before may have changed what the workspace remembers.
        resolution = resolve_for(step_names, workspace, settings)
        yield workspace, resolution.settings


@contextlib.contextmanager
def run_context(
    command: str, workspace_url: str, overrides: dict[str, Any] | None, runner: str, step_names: Iterable[str]
) -> Iterator[RunContext]:
    """As `open_workspace`, with a task runner: ``runner``, or if empty the one of the settings.

    Raises:
        UsageError: a setting or the runner cannot be used.
        RegroundError: whatever a step raises.
    """
    if runner:
        parse_runner(runner)
    with open_workspace(command, workspace_url, overrides, step_names) as (workspace, settings):
        parsed_runner = parse_runner(runner or settings.runner)
        workspace.sweep()
        with task_pool(parsed_runner) as pool:
            yield RunContext(workspace, settings, parsed_runner, pool)


@contextlib.contextmanager
def _lock(workspace: Workspace, command: str) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(workspace.lock(command, wait=False))
        except RegroundError as error:
            get_run_logger().info("%s", error)
            stack.enter_context(workspace.lock(command))
        yield


@contextlib.contextmanager
def task_pool(runner: Runner) -> Iterator[TaskRunner[Any]]:
    """A started task runner. Ctrl-C or SIGTERM ends its processes at once; an error lets them finish their calls."""
    with task_runner(runner) as pool:
        try:
            yield pool
        except (KeyboardInterrupt, SystemExit, ExternalSignal):
            terminate_workers()
            raise


def task_runner(runner: Runner) -> TaskRunner[Any]:
    """Prefect's task runner for threads or processes; on Ray a step is one task run, which keeps the actors busy."""
    if runner.kind == "processes":
        return ProcessPoolTaskRunner(max_workers=runner.workers, initializer=follow_parent)
    return ThreadPoolTaskRunner(max_workers=runner.workers)


def one_step(step_name: str) -> Flow[..., None]:
    """A flow of one step, under the step's name."""

    @flow(name=step_name)
    def run_one(workspace: str, settings: Overrides | None = None, runner: str = "") -> None:
        """Run the missing shards of one step.

        Args:
            workspace: folder or object-store URL.
            settings: overrides, {step: {field: value}}; the workspace remembers them.
            runner: threads[:N], processes[:N] or ray[:ADDRESS]; empty: the setting `runner`.
        """
        with run_context(step_name, workspace, settings, runner, [step_name]) as context:
            context.run(step_name)

    return run_one
