"""Synchronisation: table ``answers``, a copy of Label Studio's annotations, updated incrementally.

One shard for each batch of the task registry. The first sync of a project exports every task. Label Studio updates a
task's timestamp whenever an annotation of it is created, edited, skipped or deleted; tasks with a timestamp after the
last sync are exported again. A count of exactly our tasks reveals deleted ones, and Label Studio's count of submissions
tells whether that was all: if one differs from ours, once a day, and while Label Studio's clock is behind a timestamp
of its own, the timestamp and number of submissions of every task is compared. Annotations collected before a task was
deleted are kept, and so is an annotation as collected before somebody other than its annotator edited it.
"""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from reground.annotations.collect.answers import AnswerBatch, TaskAnswers, TaskKey, read_answers
from reground.annotations.collect.delta import CURSOR_FILE, Delta, compute_delta, read_cursors
from reground.annotations.collect.edits import merge_versions, num_submissions
from reground.annotations.label_studio import Json
from reground.annotations.rounds import Task, prefetch_map
from reground.tasks.schema import AnswerRow
from reground.tasks.workspace import Output, Workspace, digest

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client

STEP: Final = "answers"
CHUNK_SIZE: Final = 200
"""Tasks in one request; the next request is prefetched."""
BATCHES_AHEAD: Final = 32
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


def fetch_answers(client: Client, workspace: Workspace, project_ids: Sequence[int]) -> Iterator[AnswerBatch]:
    """As `read_answers`, up to date in these projects; writes nothing."""
    return _apply_delta(client, read_answers(workspace), compute_delta(client, workspace, project_ids))


def sync_answers(client: Client, workspace: Workspace, project_ids: Sequence[int]) -> None:
    """Update our copy in these projects. Killed halfway, the next call starts from the old cursors."""
    delta = compute_delta(client, workspace, project_ids)
    stored = workspace.keys(STEP)
    for batch in _apply_delta(client, read_answers(workspace, delta.shards), delta):
        _add(workspace, batch, stored.get(batch.shard))
    workspace.flush()
    old_cursors = read_cursors(workspace)
    cursors = {**old_cursors, **delta.cursors}
    if cursors != old_cursors:
        content = {str(project_id): asdict(cursor) for project_id, cursor in sorted(cursors.items())}
        workspace.write_bytes(CURSOR_FILE, json.dumps(content, indent=1).encode())


def _apply_delta(client: Client, batches: Iterable[AnswerBatch], delta: Delta) -> Iterator[AnswerBatch]:
    exports = _export(client, delta.changed)
    for batch in _read_ahead(batches):
        answers = dict(batch.answers)
        for key in _keys(batch.tasks):
            if key in delta.deleted:
                old = answers.get(key)
                answers[key] = TaskAnswers("", True, old.annotations if old else [])
            elif key in delta.changed:
                updated_at, annotations = next(exports)
                old = answers.get(key)
                if updated_at:  # else it never had an answer
                    versions = merge_versions(old.annotations if old else (), annotations)
                    answers[key] = TaskAnswers(updated_at, False, versions)
        yield AnswerBatch(batch.shard, batch.tasks, answers)


def _export(client: Client, changed: Mapping[TaskKey, str]) -> Iterator[tuple[str, list[Json]]]:
    """Timestamp and annotations of each task; the first request is made at once.

    Requests span batches: one takes long, however few tasks it asks for.
    """
    chunks = [
        (project_id, [task_id for _, task_id in chunk])
        for project_id, project_keys in itertools.groupby(changed, key=lambda key: key[0])
        for chunk in _chunks(list(project_keys))
    ]
    answered = prefetch_map(lambda chunk: client.export_tasks(*chunk), chunks)
    return (
        (changed[project_id, task_id] or updated_at, _trim(annotations))
        for (project_id, task_ids), exports in answered
        for task_id in task_ids
        for updated_at, annotations in [exports.get(task_id, ("", []))]
    )


def _read_ahead(batches: Iterable[AnswerBatch]) -> Iterator[AnswerBatch]:
    """The same batches, the first of which are read together, while Label Studio answers the first request."""
    rest = iter(batches)
    waiting = deque(itertools.islice(rest, BATCHES_AHEAD))
    while waiting:
        yield waiting.popleft()
        waiting.extend(itertools.islice(rest, 1))


def _chunks(keys: Sequence[TaskKey]) -> Iterator[Sequence[TaskKey]]:
    return (keys[start : start + CHUNK_SIZE] for start in range(0, len(keys), CHUNK_SIZE))


def _add(workspace: Workspace, batch: AnswerBatch, stored_key: str | None) -> None:
    """Write a batch if it has changed."""
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
    if rows and key != stored_key:
        workspace.add([workspace.write(STEP, batch.shard, key, Output({"answers": rows}))])


def _keys(tasks: Iterable[Task]) -> Iterator[TaskKey]:
    return ((task.project_id, task.task_id) for task in tasks)


def _trim(annotations: Iterable[Json]) -> list[Json]:
    fields = ({name: annotation.get(name) for name in _FIELDS} for annotation in annotations)
    return sorted(fields, key=lambda annotation: annotation["id"])
