"""What is missing of a step: planned, or said by the manifest where planning would read every file of a table.

`finish` lists a mark once a step has run: a digest of what its plan was made from and of the shards that it made. As
long as the digest is the same, there is nothing to do, and nothing has to be planned to know it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from reground.tasks.workspace.manifest import Entry
from reground.tasks.workspace.step import PlanInputs, Shard, Step, StepPlan
from reground.tasks.workspace.store import Workspace

MARKS: Final = "complete"
"""Step of the marks in the manifest; each is a shard of the step's name, without files."""
FEW_FILES: Final = 64
FEW_OBJECTS: Final = 3
"""Files of ``images``, in a folder and in an object store, with which a workspace is small: any step is planned."""
S = TypeVar("S")


@dataclass(frozen=True)
class StepStatus:
    """How far a step is.

    Attributes:
        done: shards that are listed; some may be out of date where ``missing`` is None.
        shards: that there should be; None: not known without planning.
        missing: those of them that are not listed as they should be; None: not known without planning.
        is_as_of_last_run: whether what lies outside the workspace was not looked at again.
    """

    done: int
    shards: int | None
    missing: int | None
    is_as_of_last_run: bool = False


def todo(step: Step[S], workspace: Workspace, settings: S) -> StepPlan:
    """Plan a step and compare the plan with the manifest, and the manifest with the files.

    A step that is complete, and that nothing outside the workspace changes, is not planned again.

    Raises:
        UsageError: settings that the step refuses; or another step has written the tables that this one writes.
    """
    step.check_usable(workspace, settings)
    inputs = step.plan_inputs(workspace, settings)
    lacking = workspace.lacking(step.name) if workspace.is_local else set[str]()
    if inputs and not inputs.has_sources and not lacking and _is_complete(step, workspace, settings, inputs):
        shards = [Shard(entry.shard, (), size=_size(entry)) for entry in workspace.entries(step.name)]
        return StepPlan(shards, [], settings, step.idle)
    shards = list(step.plan(workspace, settings))
    key = step.keys(settings)
    listed = workspace.keys(step.name)
    missing = [shard for shard in shards if shard.id in lacking or listed.get(shard.id) != key(shard)]
    return StepPlan(shards, missing, settings, step.idle)


def finish(step: Step[Any], workspace: Workspace, plan: StepPlan) -> None:
    """End a step after the last shard: run its `finalize`, and list that it is complete.

    Raises:
        RegroundError: raised by `finalize`; the shards are kept.
    """
    if step.finalize:
        step.finalize(workspace, plan.settings)
    inputs = step.plan_inputs(workspace, plan.settings)
    if inputs is None or workspace.keys(step.name).keys() != {shard.id for shard in plan.shards}:
        return
    if not _is_complete(step, workspace, plan.settings, inputs):
        workspace.add([Entry(MARKS, step.name, _mark(step, workspace, plan.settings, inputs), {}, {})])


def step_status(step: Step[S], workspace: Workspace, settings: S) -> StepStatus:
    """How far a step is. A large workspace is not planned where that would read every file of a table.

    Raises:
        RegroundError: as of `todo`.
    """
    step.check_usable(workspace, settings)
    inputs = step.plan_inputs(workspace, settings)
    is_small = len(workspace.parts("images")) <= (FEW_FILES if workspace.is_local else FEW_OBJECTS)
    is_complete = inputs is not None and _is_complete(step, workspace, settings, inputs)
    if inputs is None or (is_small and (inputs.has_sources or not is_complete)):
        plan = todo(step, workspace, settings)
        return StepStatus(len(plan.shards) - len(plan.missing), len(plan.shards), len(plan.missing))
    listed = workspace.keys(step.name)
    if not is_complete:
        return StepStatus(len(listed), None, None)
    missing = len(workspace.lacking(step.name)) if workspace.is_local else 0
    return StepStatus(len(listed) - missing, len(listed), missing, inputs.has_sources)


def _is_complete(step: Step[S], workspace: Workspace, settings: S, inputs: PlanInputs) -> bool:
    entry = workspace.entry(MARKS, step.name)
    return entry is not None and entry.key == _mark(step, workspace, settings, inputs)


def _size(entry: Entry) -> int:
    """Of a shard that was planned by another run: about the images in it."""
    return max((part.rows for part in entry.tables.values()), default=0)


def _mark(step: Step[S], workspace: Workspace, settings: S, inputs: PlanInputs) -> str:
    whole = hashlib.blake2b(digest_size=16)
    values = dataclasses.asdict(settings)  # type: ignore[call-overload]
    whole.update(json.dumps([step.name, step.version, values, inputs.digest], sort_keys=True).encode())
    for shard, key in workspace.keys(step.name).items():
        whole.update(f"\0{shard}\0{key}".encode())
    return whole.hexdigest()
