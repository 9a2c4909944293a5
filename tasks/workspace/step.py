"""What a step is: it plans shards, and makes the rows of one shard at a time.

Whoever schedules a step (a thread, a Prefect task, a Ray worker) does the same four things: ``todo`` says which shards
are missing, ``retire`` takes off the manifest what the plan no longer holds, ``run_shard`` makes and commits one,
``finish`` ends the step (for the first and the last see `reground.tasks.workspace.planning`). A shard is done if and
only if the manifest lists it under the key that its step, version, settings and inputs give.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from reground.tasks.errors import UsageError
from reground.tasks.workspace.fields import Fault, raise_faults, type_faults
from reground.tasks.workspace.manifest import Entry, Output
from reground.tasks.workspace.store import Workspace

S = TypeVar("S")


@dataclass(frozen=True)
class Shard:
    """A piece of a step's work.

    Attributes:
        id: unique within the step, usable as a file name.
        inputs: digests of everything the shard reads.
        args: what ``work`` needs to know, JSON-able and small: ids and paths, never rows.
        size: images (or other units) in it, for progress.
        fresh: how many of ``size`` are worked on; the rows of the others come from an earlier shard. None: all.
        last: it looks back on the shards of its model (``args['model']``), and is made after them.
        hints: as ``args``, but not in the cache key: no row depends on it (where a file lies whose digest is
            in ``inputs``).
    """

    id: str
    inputs: tuple[str, ...]
    args: Mapping[str, Any] = field(default_factory=dict[str, Any])
    size: int = 1
    hints: Mapping[str, Any] = field(default_factory=dict[str, Any])
    fresh: int | None = None
    last: bool = False


@dataclass(frozen=True)
class PlanInputs:
    """What a plan is made from that is more than the manifest and the settings.

    Attributes:
        digest: of all of it that lies in the workspace.
        has_sources: whether more of it lies outside, as photographs to index do.
    """

    digest: str
    has_sources: bool = False


def _no_faults(settings: Any) -> Iterable[Fault]:
    return ()


def _no_inputs(workspace: Workspace, settings: Any) -> PlanInputs | None:
    return None


@dataclass(frozen=True)
class Step(Generic[S]):
    """One step of the pipeline.

    Attributes:
        name: of the command, the flow, the module and (mostly) the table.
        version: raise it when the code makes other rows of the same inputs and settings.
        settings: a frozen dataclass of JSON-able fields; all of them enter the key.
        plan: (workspace, settings) -> the shards there should be, in order.
        work: (workspace, settings, shard) -> the shard's rows. Commits nothing itself.
        parallel: False where a shard already uses every core or the GPU.
        sequential: each shard of a model (``args['model']``) looks back on those before it in the plan.
        num_gpus: of a step with models: (settings, model) -> the GPUs that a worker on Ray takes, None: the default.
        execution_only: settings that affect speed only, not results; not in the cache key.
        conflicts_with: steps that write the same tables; a workspace holds the output of one of them.
        finalize: (workspace, settings); runs after the last shard; may raise, or write aggregates.
        check: settings -> their faults, as far as settings alone show them; runs before any step starts.
        plan_inputs: (workspace, settings) -> what ``plan`` reads besides the manifest, told without reading tables by
            shard; None: nothing that takes long.
        idle: why a plan may hold no shard, and what to do then.
    """

    name: str
    version: int
    settings: type[S]
    plan: Callable[[Workspace, S], Sequence[Shard]]
    work: Callable[[Workspace, S, Shard], Output]
    parallel: bool = True
    sequential: bool = False
    num_gpus: Callable[[S, str], float | None] | None = None
    execution_only: frozenset[str] = frozenset()
    conflicts_with: tuple[str, ...] = ()
    finalize: Callable[[Workspace, S], None] | None = None
    check: Callable[[S], Iterable[Fault]] = _no_faults
    plan_inputs: Callable[[Workspace, S], PlanInputs | None] = _no_inputs
    idle: str = ""

    def faults(self, settings: S) -> list[Fault]:
        """What is wrong with settings: values that their fields do not take; else what `check` says."""
        return list(type_faults(settings)) or list(self.check(settings))

    def check_usable(self, workspace: Workspace, settings: S) -> None:
        """Check what can be checked before planning.

        Raises:
            UsageError: settings that the step refuses; or another step has written the tables that this one writes.
        """
        raise_faults(self.name, self.faults(settings))
        for conflict in self.conflicts_with:
            if conflict in workspace.steps():
                raise UsageError(
                    f"expected a workspace without output of `reground {conflict}`, which writes the same tables as "
                    f"`reground {self.name}`, got {workspace.url}: use another workspace."
                )

    def key_settings(self, settings: S) -> dict[str, Any]:
        """The settings that enter the key, as JSON has them."""
        values: dict[str, Any] = dataclasses.asdict(settings)  # type: ignore[call-overload]
        return {name: value for name, value in values.items() if name not in self.execution_only}

    def key(self, settings: S, shard: Shard) -> str:
        """What the shard is made from: step, version, settings and the shard itself."""
        return self.keys(settings)(shard)

    def keys(self, settings: S) -> Callable[[Shard], str]:
        """As `key`, for many shards: what they have in common is hashed once."""
        content = {"version": self.version, "settings": self.key_settings(settings)}
        common = hashlib.blake2b(f"{self.name}\0{json.dumps(content, sort_keys=True)}".encode(), digest_size=16)

        def key(shard: Shard) -> str:
            whole = common.copy()
            whole.update(
                "\0".join(("", shard.id, json.dumps(dict(shard.args), sort_keys=True), *shard.inputs)).encode()
            )
            return whole.hexdigest()

        return key


@dataclass(frozen=True)
class StepPlan:
    """All shards of a step, those of them that are not done, and the settings they were planned by.

    Attributes:
        idle: as in `Step`.
    """

    shards: Sequence[Shard]
    missing: Sequence[Shard]
    settings: Any = None
    idle: str = ""

    def describe(self) -> str:
        """What there was to do.

        Examples:
            >>> StepPlan([], [], idle="there are no votes yet").describe()
            'nothing to do: there are no votes yet'
            >>> shards = [Shard("0", (), size=60, fresh=2), Shard("1", (), size=60)]
            >>> StepPlan(shards, shards[:1]).describe()
            '1 of 2 shards made, 2 of its 60 images anew'
        """
        if not self.shards:
            return f"nothing to do: {self.idle}" if self.idle else "nothing to do"
        shards = f"{len(self.missing)} of {len(self.shards)} shards made"
        size = sum(shard.size for shard in self.missing)
        fresh = sum(shard.size if shard.fresh is None else shard.fresh for shard in self.missing)
        if fresh == size:
            return shards
        return f"{shards}, {fresh:,} of {'its' if len(self.missing) == 1 else 'their'} {size:,} images anew"


def make_shard(step: Step[S], workspace: Workspace, settings: S, shard: Shard) -> Entry:
    """Make one shard and write its files; whoever holds the workspace lists it (`Workspace.add`)."""
    output = step.work(workspace, settings, shard)
    return workspace.write(step.name, shard.id, step.key(settings, shard), output, step.key_settings(settings))


def run_shard(step: Step[S], workspace: Workspace, settings: S, shard: Shard) -> Entry:
    """Make one shard and list it."""
    entry = make_shard(step, workspace, settings, shard)
    workspace.add([entry])
    return entry


def retire(step: Step[Any], workspace: Workspace, plan: StepPlan) -> None:
    """Take shards that are no longer planned off the manifest.

    This comes before the first new shard: where one was split or two were joined, no image is in two files of a
    table, whenever the run is killed.
    """
    workspace.retire(step.name, {shard.id for shard in plan.shards})


def image_shards(workspace: Workspace, table: str = "images", *also: str) -> list[Shard]:
    """One shard for each file of ``table``.

    Args:
        workspace: with the table.
        table: whose files are worked on; where a file lies is the hint ``part``.
        also: digests of what else every shard reads.
    """
    return [
        Shard(entry.shard, (part.digest, *also), size=part.rows, hints={"part": part.path})
        for entry, part in workspace.parts(table)
    ]
