"""Label Studio's objects as the client returns them: projects, tasks and counts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Project:
    """A project; ``description`` ends with our tag, ``num_tasks`` is Label Studio's own count."""

    id: int
    title: str
    description: str
    num_tasks: int


@dataclass(frozen=True)
class TaskChange:
    """A task's last change by Label Studio's clock (ISO 8601 in UTC), and its number of submissions, skips included."""

    id: int
    updated_at: str
    submissions: int


@dataclass(frozen=True)
class TaskState:
    """A task's number of annotations, and the user ids of its annotators."""

    id: int
    num_annotations: int
    annotators: tuple[int, ...]


@dataclass(frozen=True)
class User:
    """A user; without address and name once removed from the organization. ``created_at`` is ISO 8601."""

    id: int
    email: str | None
    name: str | None
    created_at: str | None


@dataclass(frozen=True)
class ImportPayload:
    """The body of an import request, with its number of tasks."""

    count: int
    body: bytes


def task_url(url: str, project_id: int, task_id: int, answer_id: str = "") -> str:
    """The address of a task in a browser, or of one answer to it.

    Args:
        url: of Label Studio.
        project_id: of the project.
        task_id: of the task.
        answer_id: SOURCE:PROJECT:ID; empty: the task.

    Examples:
        >>> task_url("http://127.0.0.1:8080", 3, 50, "label-studio:3:7")
        'http://127.0.0.1:8080/projects/3/data?task=50&annotation=7'
    """
    annotation = f"&annotation={answer_id.rpartition(':')[2]}" if answer_id else ""
    return f"{url}/projects/{project_id}/data?task={task_id}{annotation}"


def id_ranges(ids: Iterable[int]) -> list[tuple[int, int]]:
    """The first and last of each run of ids without a gap, in order.

    Examples:
        >>> id_ranges([7, 3, 2, 4])
        [(2, 4), (7, 7)]
    """
    ranges: list[tuple[int, int]] = []
    for task_id in sorted(set(ids)):
        if ranges and ranges[-1][1] == task_id - 1:
            ranges[-1] = (ranges[-1][0], task_id)
        else:
            ranges.append((task_id, task_id))
    return ranges


def encode_tasks(tasks: Sequence[Json]) -> ImportPayload:
    """Encode the data of tasks as JSON; slow enough to be worth doing while another import is under way."""
    return ImportPayload(len(tasks), json.dumps([{"data": task} for task in tasks]).encode())
