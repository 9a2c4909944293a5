"""What is said to Label Studio, and what it says: projects, tasks and counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Project:
    """One project: ``description`` ends with our mark, ``tasks`` counts what it holds."""

    id: int
    title: str
    description: str
    tasks: int


@dataclass(frozen=True)
class Count:
    """How much a project holds; skips are submissions too."""

    project_id: int
    tasks: int
    submissions: int


@dataclass(frozen=True)
class Change:
    """A task as last touched, by Label Studio's clock (ISO 8601 in UTC); ``answers`` counts skips too."""

    id: int
    updated_at: str
    answers: int


@dataclass(frozen=True)
class TaskState:
    """A task as it stands: how many answers it has, and who gave them (user ids)."""

    id: int
    answers: int
    people: tuple[int, ...]


@dataclass(frozen=True)
class Payload:
    """Tasks in the words of an import."""

    count: int
    body: bytes


def payload(tasks: Sequence[Json]) -> Payload:
    """Tasks in the words of an import; making them takes a while, in which another import can go on."""
    return Payload(len(tasks), json.dumps([{"data": task} for task in tasks]).encode())
