"""The difference between Label Studio and our copy of its annotations."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from reground.annotations.collect.answers import TaskKey, answer_parts
from reground.annotations.label_studio import TaskChange
from reground.tasks.workspace import Workspace

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client

CURSOR_FILE: Final = "review.cursors"
LOOK_BACK: Final = timedelta(minutes=5)
"""Before a cursor: Label Studio sets a task's timestamp first and stores the annotation afterwards."""
FULL_COMPARISON_INTERVAL: Final = 24 * 3600.0
"""Seconds between two comparisons of all tasks."""


@dataclass(frozen=True)
class SyncCursor:
    """How far a project is synchronised: last timestamp seen, and last full comparison (seconds since 1970)."""

    updated_at: str
    compared_at: float


@dataclass
class Delta:
    """Difference between Label Studio and our copy.

    Attributes:
        changed: task -> its timestamp; empty: as it is exported.
        deleted: tasks.
        shards: batches of the task registry with a task that is changed or deleted.
        cursors: project id -> new cursor.
    """

    changed: dict[TaskKey, str] = field(default_factory=dict[TaskKey, str])
    deleted: set[TaskKey] = field(default_factory=set[TaskKey])
    shards: set[str] = field(default_factory=set[str])
    cursors: dict[int, SyncCursor] = field(default_factory=dict[int, SyncCursor])


@dataclass(frozen=True)
class _LocalState:
    """Our copy of a task without its annotations, and the batch it is in; the defaults: never exported."""

    shard: str
    updated_at: str = ""
    deleted: bool = False
    submissions: int = 0


def compute_delta(client: Client, workspace: Workspace, project_ids: Sequence[int]) -> Delta:
    """What has changed in these projects since the last synchronisation, in the order of the registry."""
    delta, local = Delta(), _local_states(workspace)
    cursors = read_cursors(workspace) if workspace.parts("answers") else {}
    for project_id in project_ids:
        project_states = {task_id: state for (project, task_id), state in local.items() if project == project_id}
        _add_project(delta, client, project_id, project_states, cursors.get(project_id))
    delta.changed = {key: delta.changed[key] for key in local if key in delta.changed and key not in delta.deleted}
    delta.shards = {local[key].shard for key in (*delta.changed, *delta.deleted)}
    return delta


def read_cursors(workspace: Workspace) -> dict[int, SyncCursor]:
    """Project id -> how far it is synchronised; empty before the first time."""
    try:
        content = json.loads(workspace.read_bytes(CURSOR_FILE))
    except FileNotFoundError:
        return {}
    return {int(project_id): SyncCursor(**cursor) for project_id, cursor in content.items()}


def _add_project(
    delta: Delta, client: Client, project_id: int, local: Mapping[int, _LocalState], cursor: SyncCursor | None
) -> None:
    """Add the difference in one project."""
    num_submissions = client.count_submissions(project_id)
    if cursor is None and _is_new(client, project_id, local):
        delta.cursors[project_id] = SyncCursor(client.last_change(project_id), time.time())
        delta.changed |= {(project_id, task_id): "" for task_id in local if num_submissions}
        return
    changes: dict[int, TaskChange] = {}
    if cursor is not None:
        changes = {change.id: change for change in client.list_changes(project_id, _look_back(cursor.updated_at))}
    updates = {
        task_id: change
        for task_id, change in changes.items()
        if task_id in local and (change.submissions or local[task_id].updated_at)
    }
    compared_at = cursor.compared_at if cursor else 0.0
    if _is_due(cursor, time.time()) or not _is_complete(client, project_id, num_submissions, local, updates):
        compared_at = time.time()
        changes = {change.id: change for change in client.list_changes(project_id)}
        common = local.keys() & changes.keys()
        updates |= {task_id: changes[task_id] for task_id in common if _differs(local[task_id], changes[task_id])}
        missing = local.keys() - changes.keys()
        delta.deleted |= {(project_id, task_id) for task_id in missing if not local[task_id].deleted}
    delta.changed |= {(project_id, task_id): change.updated_at for task_id, change in updates.items()}
    timestamps = [change.updated_at for change in changes.values()] + ([cursor.updated_at] if cursor else [])
    if timestamps and max(timestamps):
        delta.cursors[project_id] = SyncCursor(max(timestamps), compared_at)


def _is_new(client: Client, project_id: int, local: Mapping[int, _LocalState]) -> bool:
    """Whether nothing was collected yet, and no task is deleted: all are exported, and need not be listed before."""
    if any(state.updated_at or state.deleted for state in local.values()):
        return False
    return client.count_tasks(project_id, local) == len(local)


def _is_due(cursor: SyncCursor | None, now: float) -> bool:
    """Whether timestamps may miss a change: the last comparison is long ago, or a clock was set back since.

    What is changed while Label Studio's clock is behind the cursor gets a timestamp before it.
    """
    if cursor is None or abs(now - cursor.compared_at) > FULL_COMPARISON_INTERVAL:
        return True
    return datetime.fromisoformat(cursor.updated_at).timestamp() > now + LOOK_BACK.total_seconds()


def _is_complete(
    client: Client,
    project_id: int,
    num_submissions: int,
    local: Mapping[int, _LocalState],
    updates: Mapping[int, TaskChange],
) -> bool:
    """Whether our tasks all exist, and our copy, with the changes, has as many submissions as Label Studio."""
    existing = {task_id: state for task_id, state in local.items() if not state.deleted}
    if client.count_tasks(project_id, existing) != len(existing):
        return False
    submissions = sum(state.submissions for task_id, state in existing.items() if task_id not in updates)
    submissions += sum(change.submissions for change in updates.values())
    if submissions == num_submissions:
        return True
    # Somebody may have submitted between the count and the list.
    return submissions == client.count_submissions(project_id)


def _differs(state: _LocalState, change: TaskChange) -> bool:
    if state.deleted or state.submissions != change.submissions:
        return True
    return bool(state.updated_at) and state.updated_at != change.updated_at


def _local_states(workspace: Workspace) -> dict[TaskKey, _LocalState]:
    """Every task of the registry, in its order."""
    states: dict[TaskKey, _LocalState] = {}
    for entry, part in workspace.parts("questions"):
        rows = workspace.read_part(part.path, ["project_id", "task_id"])
        keys = zip(rows["project_id"].to_pylist(), rows["task_id"].to_pylist(), strict=True)
        states |= dict.fromkeys(keys, _LocalState(entry.shard))
    columns = ["project_id", "task_id", "stamp", "deleted", "answers"]
    for shard, part in answer_parts(workspace).items():
        rows = workspace.read_part(part.path, columns)
        for project_id, task_id, *state in zip(*(rows[name].to_pylist() for name in columns), strict=True):
            states[project_id, task_id] = _LocalState(shard, *state)
    return states


def _look_back(timestamp: str) -> str:
    start = datetime.fromisoformat(timestamp).astimezone(UTC) - LOOK_BACK
    return start.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
