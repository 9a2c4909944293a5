"""Synchronisation: table ``answers``, a copy of Label Studio's annotations, updated incrementally.

One shard for each batch of the task registry. Label Studio updates a task's timestamp whenever an annotation of
it is created, edited, skipped or deleted; tasks with a timestamp after the last sync are exported again. A count of
exactly our tasks reveals deleted ones, and Label Studio's count of submissions tells whether that was all: if one
differs from ours, once a day, and while Label Studio's clock is behind a timestamp of its own, the timestamp and number
of submissions of every task is compared. Annotations collected before a task was deleted are kept, and so is an
annotation as collected before somebody other than its annotator edited it.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from reground.annotations.collect.edits import merge_versions, num_submissions
from reground.annotations.label_studio import Json, TaskChange
from reground.annotations.rounds import Task, prefetch_map, read_task_batch
from reground.tasks.schema import AnswerRow
from reground.tasks.workspace import Output, Part, Workspace, digest

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client

STEP: Final = "answers"
CURSOR_FILE: Final = "review.cursors"
LOOK_BACK: Final = timedelta(minutes=5)
"""Before a cursor: Label Studio sets a task's timestamp first and stores the annotation afterwards."""
CHUNK_SIZE: Final = 200
"""Tasks in one request; the next request is prefetched."""
FULL_COMPARISON_INTERVAL: Final = 24 * 3600.0
"""Seconds between two comparisons of all tasks."""
_FIELDS: Final = (
    "id",
    "completed_by",
    "updated_by",
    "created_at",
    "updated_at",
    "was_cancelled",
    "lead_time",
    "result",
)

TaskKey = tuple[int, int]
"""Project id and task id."""


@dataclass(frozen=True)
class TaskAnswers:
    """A task as exported last: its timestamp, whether it is deleted, and all versions of its annotations."""

    updated_at: str
    deleted: bool
    annotations: list[Json]


@dataclass(frozen=True)
class AnswerBatch:
    """One batch of the task registry, with the answers to those tasks that have any."""

    shard: str
    tasks: list[Task]
    answers: Mapping[TaskKey, TaskAnswers]

    def annotations(self, task: Task) -> list[Json]:
        """All versions of the annotations of one of the tasks, skips included."""
        answers = self.answers.get((task.project_id, task.task_id))
        return answers.annotations if answers else []

    def is_deleted(self, task: Task) -> bool:
        """Whether somebody deleted the task in Label Studio."""
        answers = self.answers.get((task.project_id, task.task_id))
        return answers is not None and answers.deleted


@dataclass(frozen=True)
class SyncCursor:
    """How far a project is synchronised: last timestamp seen, and last full comparison (seconds since 1970)."""

    updated_at: str
    compared_at: float


@dataclass
class _Delta:
    """Difference between Label Studio and our copy: timestamps of changed tasks, deleted tasks, and new cursors."""

    changed: dict[TaskKey, str] = field(default_factory=dict[TaskKey, str])
    deleted: set[TaskKey] = field(default_factory=set[TaskKey])
    cursors: dict[int, SyncCursor] = field(default_factory=dict[int, SyncCursor])


@dataclass(frozen=True)
class _LocalState:
    """Our copy of a task without its annotations; the defaults: never exported."""

    updated_at: str = ""
    deleted: bool = False
    submissions: int = 0


def read_answers(workspace: Workspace) -> Iterator[AnswerBatch]:
    """Our copy, batch by batch."""
    parts = _answer_parts(workspace)
    return (
        read_answer_batch(workspace, entry.shard, part, parts.get(entry.shard))
        for entry, part in workspace.parts("questions")
    )


def read_answer_batch(workspace: Workspace, shard: str, questions: Part, answers: Part | None) -> AnswerBatch:
    """One batch.

    Args:
        workspace: see `Workspace`.
        shard: name of the batch.
        questions: its part of ``questions``.
        answers: its part of ``answers``, if there is one.
    """
    rows: list[AnswerRow] = workspace.read_part(answers.path).to_pylist() if answers else []
    task_answers = {
        (row["project_id"], row["task_id"]): TaskAnswers(row["stamp"], row["deleted"], json.loads(row["annotations"]))
        for row in rows
    }
    return AnswerBatch(shard, read_task_batch(workspace, questions), task_answers)


def fetch_answers(client: Client, workspace: Workspace, project_ids: Sequence[int]) -> Iterator[AnswerBatch]:
    """As `read_answers`, up to date in these projects; writes nothing."""
    return _apply_delta(client, read_answers(workspace), _compute_delta(client, workspace, project_ids))


def sync_answers(client: Client, workspace: Workspace, project_ids: Sequence[int]) -> None:
    """Update our copy in these projects. Killed halfway, the next call starts from the old cursors."""
    delta = _compute_delta(client, workspace, project_ids)
    if delta.changed or delta.deleted:
        for batch in _apply_delta(client, read_answers(workspace), delta):
            _commit(workspace, batch)
    old_cursors = _read_cursors(workspace)
    cursors = {**old_cursors, **delta.cursors}
    if cursors != old_cursors:
        content = {str(project_id): asdict(cursor) for project_id, cursor in sorted(cursors.items())}
        workspace.write_bytes(CURSOR_FILE, json.dumps(content, indent=1).encode())


def _apply_delta(client: Client, batches: Iterable[AnswerBatch], delta: _Delta) -> Iterator[AnswerBatch]:
    annotations_stream = _export(client, delta.changed)
    for batch in batches:
        answers = dict(batch.answers)
        for key in _keys(batch.tasks):
            if key in delta.deleted:
                old = answers.get(key)
                answers[key] = TaskAnswers("", True, old.annotations if old else [])
            elif key in delta.changed:
                old = answers.get(key)
                versions = merge_versions(old.annotations if old else (), next(annotations_stream))
                answers[key] = TaskAnswers(delta.changed[key], False, versions)
        yield AnswerBatch(batch.shard, batch.tasks, answers)


def _export(client: Client, keys: Iterable[TaskKey]) -> Iterator[list[Json]]:
    """The annotations of each task. Requests span batches: one takes long, however few tasks it asks for."""
    chunks = [
        (project_id, [task_id for _, task_id in chunk])
        for project_id, project_keys in itertools.groupby(keys, key=lambda key: key[0])
        for chunk in _chunks(list(project_keys))
    ]
    for (_, task_ids), annotations_by_task in prefetch_map(lambda chunk: client.export_annotations(*chunk), chunks):
        yield from (_trim(annotations_by_task.get(task_id, [])) for task_id in task_ids)


def _chunks(keys: Sequence[TaskKey]) -> Iterator[Sequence[TaskKey]]:
    return (keys[start : start + CHUNK_SIZE] for start in range(0, len(keys), CHUNK_SIZE))


def _compute_delta(client: Client, workspace: Workspace, project_ids: Sequence[int]) -> _Delta:
    delta, local = _Delta(), _local_states(workspace)
    cursors = _read_cursors(workspace) if workspace.parts("answers") else {}
    for project_id in project_ids:
        project_states = {task_id: state for (project, task_id), state in local.items() if project == project_id}
        _add_project(delta, client, project_id, project_states, cursors.get(project_id))
    delta.changed = {
        key: delta.changed[key] for key in local if key in delta.changed and key not in delta.deleted
    }  # in the order of the registry
    return delta


def _add_project(
    delta: _Delta, client: Client, project_id: int, local: Mapping[int, _LocalState], cursor: SyncCursor | None
) -> None:
    """Add the difference in one project."""
    num_submissions = client.count_submissions(project_id)
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
    for _, part in workspace.parts("questions"):
        rows = workspace.read_part(part.path, ["project_id", "task_id"])
        keys = zip(rows["project_id"].to_pylist(), rows["task_id"].to_pylist(), strict=True)
        states |= dict.fromkeys(keys, _LocalState())
    columns = ["project_id", "task_id", "stamp", "deleted", "answers"]
    for part in _answer_parts(workspace).values():
        for row in workspace.read_part(part.path, columns).to_pylist():
            states[row["project_id"], row["task_id"]] = _LocalState(row["stamp"], row["deleted"], row["answers"])
    return states


def _answer_parts(workspace: Workspace) -> dict[str, Part]:
    return {entry.shard: part for entry, part in workspace.parts("answers")}


def _commit(workspace: Workspace, batch: AnswerBatch) -> None:
    rows: list[AnswerRow] = [
        {
            "project_id": project_id,
            "task_id": task_id,
            "stamp": answers.updated_at,
            "deleted": answers.deleted,
            "answers": num_submissions(answers.annotations),
            "annotations": json.dumps(answers.annotations, sort_keys=True),
        }
        for (project_id, task_id), answers in sorted(batch.answers.items())
    ]
    key = digest(json.dumps(rows))
    entry = workspace.entry(STEP, batch.shard)
    if rows and (entry is None or entry.key != key):
        workspace.commit(STEP, batch.shard, key, Output({"answers": rows}))


def _read_cursors(workspace: Workspace) -> dict[int, SyncCursor]:
    try:
        content = json.loads(workspace.read_bytes(CURSOR_FILE))
    except FileNotFoundError:
        return {}
    return {int(project_id): SyncCursor(**cursor) for project_id, cursor in content.items()}


def _keys(tasks: Iterable[Task]) -> Iterator[TaskKey]:
    return ((task.project_id, task.task_id) for task in tasks)


def _trim(annotations: Iterable[Json]) -> list[Json]:
    fields = ({name: annotation.get(name) for name in _FIELDS} for annotation in annotations)
    return sorted(fields, key=lambda annotation: annotation["id"])


def _look_back(timestamp: str) -> str:
    start = datetime.fromisoformat(timestamp).astimezone(UTC) - LOOK_BACK
    return start.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
