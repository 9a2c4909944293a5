"""Refusals: answers that cannot count because they contradict themselves or their question, for the manager to mend."""

from __future__ import annotations

from collections.abc import Mapping

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
    dropped = workspace.read("dropped", ["stage", "item", "reason", "detail"])
    invalid = dropped[(dropped["stage"] == STAGE) & (dropped["reason"] == DropReason.ANSWER_INVALID.value)]
    if invalid.empty:
        return ()
    tasks = _tasks(workspace)
    return tuple(
        f"{detail}: {_link(url, item, tasks)}" for item, detail in zip(invalid["item"], invalid["detail"], strict=True)
    )


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
