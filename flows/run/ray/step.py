"""A step on Ray: its missing shards as calls of actors, committed here as they come."""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from reground.flows.run.batch import add_batch, batches, run_batch
from reground.flows.run.progress import show
from reground.flows.run.ray.actors import ActorPool, Call, Group
from reground.flows.run.ray.capacity import Node, room, share_of
from reground.flows.run.ray.connect import start_ray
from reground.flows.run.ray.sigterm import sigterm_noted
from reground.flows.run.ray.worker import Report
from reground.tasks.errors import RegroundError
from reground.tasks.workspace import Shard, Step, StepPlan, Workspace


def run_on_ray(step: Step[Any], workspace: Workspace, settings: Any, plan: StepPlan, address: str) -> Iterator[int]:
    """Make the missing shards of a step on Ray, and list them. Gives the units of each call, once it is listed.

    Shards with a model go to actors that keep it loaded; those of a step without models in batches to actors of one
    core; those of a step with models that belong to no single model are made here, after all others. Whatever can
    be refused is refused by the call itself, before the first shard.

    Raises:
        UsageError: Ray is not installed, or no node has room for an actor.
        RegroundError: the cluster cannot be joined; later whatever a shard raises, and where machines do not share
            the workspace.
    """
    if not plan.missing:
        return iter(())
    start_ray(address)
    groups, rest = _groups(step, workspace, settings, plan)
    return _results(step, workspace, settings, plan, ActorPool(groups, list_nodes, workspace.flush), rest)


def _results(
    step: Step[Any], workspace: Workspace, settings: Any, plan: StepPlan, pool: ActorPool, rest: Sequence[Shard]
) -> Iterator[int]:
    waits: list[float] = []
    with sigterm_noted() as is_stopped, contextlib.closing(pool.results(is_stopped)) as reports:
        for report in reports:
            for line in report.log:
                logging.getLogger(line.logger).log(line.level, "%s", line.text)
            _require_files(workspace, report)
            waits.append(report.waited)
            yield add_batch(workspace, report.batch)
    if waits:
        show(_overhead(step.name, len(plan.missing) - len(rest), pool, sum(waits)))
    for shard in rest:
        yield add_batch(workspace, run_batch(step.name, workspace.url, settings, [shard]))


def list_nodes() -> list[Node]:
    """The resources of each node that Ray takes for alive."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _groups(
    step: Step[Any], workspace: Workspace, settings: Any, plan: StepPlan
) -> tuple[list[Group], Sequence[Shard]]:
    """The calls of actors, and the shards that are made in this process."""
    nodes, common = list_nodes(), (step.name, workspace.url, settings)
    if step.num_gpus is None:
        if not step.parallel:
            return [], plan.missing
        share = share_of(nodes, 0)
        calls = deque(Call(batch) for batch in batches(step, plan, max(1, room(nodes, share))))
        return [Group(f"the step '{step.name}'", ("", ""), common, calls, share)], []
    by_model: dict[str, list[Shard]] = {}
    for shard in plan.missing:
        by_model.setdefault(shard.args.get("model", ""), []).append(shard)
    rest = by_model.pop("", [])
    groups: list[Group] = []
    for model, shards in by_model.items():
        share = share_of(nodes, 0 if settings.device == "cpu" else step.num_gpus(settings, model))
        calls, last = (deque(Call([shard]) for shard in shards if shard.last == is_last) for is_last in (False, True))
        groups.append(Group(f"'{model}'", (model, settings.device), common, calls, share, step.sequential, last))
    return groups, rest


def _require_files(workspace: Workspace, report: Report) -> None:
    """A worker on another machine must have written where this process reads.

    Raises:
        RegroundError: it has not; nothing of its batch is listed.
    """
    if not workspace.is_local:
        return
    for entry in report.batch.entries:
        for part in (*entry.tables.values(), *entry.files.values()):
            path = Path(workspace.path(part.path))
            if not path.exists() or path.stat().st_size != part.bytes:
                raise RegroundError(
                    f"expected {path}, which a worker on the machine {report.machine} has written: it is not here. "
                    "Put the workspace and the images where every node sees them under the same name: on a shared "
                    "disk, or in an object store (-w s3://BUCKET/W)."
                )


def _overhead(step_name: str, shards: int, pool: ActorPool, waited: float) -> str:
    """What Ray cost beside the work itself."""
    again = f"; {pool.lost} calls were made again, as their workers were lost" if pool.lost else ""
    wait = f"{waited / shards * 1000:.1f} ms a shard"
    return f"{step_name}: {shards:,} shards on {pool.workers} workers of Ray, which waited {wait} for work{again}"
