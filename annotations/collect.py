"""Collecting: what Label Studio holds -> ``votes``, ``annotators`` and ``dropped``.

One shard for each batch that was put out, written again only when its answers have changed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from annotations import ledger
from annotations import votes as answers
from annotations.annotators import annotators
from annotations.ledger import Task
from tasks.store import Output, Workspace, digest

if TYPE_CHECKING:
    from annotations.label_studio import Client

ORDER = ("question", "image_id", "class_idx", "annotator_id", "answer_id")


@dataclass(frozen=True)
class Pulled:
    """What the workspace holds after a pull."""

    answers: int
    votes: int
    annotators: int
    dropped: int


def collect(client: Client, workspace: Workspace, people: Mapping[int, str], recorded: Collection[str]) -> None:
    """Commit the votes of every batch in the ledger."""
    for entry, part in workspace.parts("questions"):
        tasks = ledger.read_part(workspace, part)
        _commit(workspace, entry.shard, _votes(client, tasks, people, recorded))


def summarise(workspace: Workspace) -> Pulled:
    """Commit ``annotators``, from all that was collected, and count."""
    votes = workspace.read("votes")
    votes = votes[votes["source"].isin((answers.SOURCE, answers.RECORDED))]
    people = annotators(votes)
    _commit(workspace, "annotators", Output({"annotators": people}))
    dropped = int((workspace.read("dropped", ["stage"])["stage"] == answers.STAGE).sum())
    return Pulled(int(votes["answer_id"].nunique()), len(votes), len(people), dropped)


def _votes(client: Client, tasks: Sequence[Task], people: Mapping[int, str], recorded: Collection[str]) -> Output:
    found: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for project_id in sorted({task.project_id for task in tasks}):
        ids = [task.task_id for task in tasks if task.project_id == project_id]
        for task_id, given in client.answers(project_id, ids).items():
            found[project_id, task_id] = given
    made = [answers.collect(task, found.get((task.project_id, task.task_id), []), people, recorded) for task in tasks]
    rows = sorted((row for one in made for row in one.votes), key=lambda row: tuple(row[name] for name in ORDER))
    dropped = sorted((row for one in made for row in one.dropped), key=lambda row: (row["item"], row["detail"]))
    return Output({"votes": rows, "dropped": dropped})


def _commit(workspace: Workspace, shard: str, output: Output) -> None:
    key = digest(json.dumps({name: list(rows) for name, rows in output.tables.items()}, sort_keys=True))
    before = workspace.entry(answers.STAGE, shard)
    if before is None or before.key != key:
        workspace.commit(answers.STAGE, shard, key, output)
