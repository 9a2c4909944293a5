"""Status: how far the people are with what they were asked."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from annotations import ledger
from annotations.ledger import Task
from annotations.review import ReviewSettings, connect
from tasks.store import Workspace


def status(workspace: Workspace, settings: ReviewSettings) -> list[dict[str, Any]]:
    """A row for each question of each round: tasks, answered, open, votes (answers given), annotators.

    A task is answered when as many people as the settings ask for have answered it.
    """
    tasks = ledger.read(workspace)
    if not tasks:
        return []
    rows: list[dict[str, Any]] = []
    with connect(workspace, settings) as client:
        for (round_number, kind), group in _grouped(tasks):
            ours = {(task.project_id, task.task_id) for task in group}
            projects = sorted({project_id for project_id, _ in ours})
            states = [s for p in projects for s in client.task_states(p) if (p, s.id) in ours]
            done = sum(state.answers >= settings.overlap for state in states)
            rows.append(
                {
                    "question": kind,
                    "round": round_number,
                    "tasks": len(ours),
                    "answered": done,
                    "open": len(ours) - done,
                    "votes": sum(state.answers for state in states),
                    "annotators": len({person for state in states for person in state.people}),
                }
            )
    return rows


def _grouped(tasks: Sequence[Task]) -> Iterator[tuple[tuple[int, str], list[Task]]]:
    def which(task: Task) -> tuple[int, str]:
        return task.round_number, task.kind

    return ((key, list(group)) for key, group in itertools.groupby(sorted(tasks, key=which), key=which))
