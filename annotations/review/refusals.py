"""Refusals: answers that cannot count because they contradict themselves or their question, for the manager to mend."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow.compute as pc

from reground.annotations.collect import STAGE, read_answers
from reground.annotations.label_studio import task_url
from reground.tasks.schema import DropReason
from reground.tasks.workspace import Workspace


def refused_answers(workspace: Workspace, url: str) -> tuple[str, ...]:
    """The invalid answers collected so far: question, who gave it, why it does not count, and its link.

    Args:
        workspace: after a pull.
        url: of Label Studio.
    """
    is_invalid = (pc.field("stage") == STAGE) & (pc.field("reason") == DropReason.ANSWER_INVALID.value)
    invalid = workspace.read_arrow("dropped", ["stage", "item", "reason", "detail"]).filter(is_invalid)
    if not len(invalid):
        return ()
    tasks = _tasks(workspace)
    rows = invalid.sort_by("item").select(["item", "detail"]).to_pylist()
    return tuple(f"{row['detail']}: {_link(url, row['item'], tasks)}" for row in rows)


def _link(url: str, answer_id: str, tasks: Mapping[int, tuple[int, int]]) -> str:
    project_id, task_id = tasks[int(answer_id.rpartition(":")[2])]
    return task_url(url, project_id, task_id, answer_id)


def _tasks(workspace: Workspace) -> dict[int, tuple[int, int]]:
    """Annotation id -> its project and task."""
    return {
        int(annotation["id"]): (task.project_id, task.task_id)
        for batch in read_answers(workspace)
        for task in batch.tasks
        for annotation in batch.annotations(task)
    }
