"""Collecting: what Label Studio holds -> ``answers`` -> ``votes``, ``dropped`` and what tells of annotators.

One shard for each batch that was put out, read again only when its answers, or whom they are
from, have changed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reground.annotations.collect import parse as votes
from reground.annotations.collect import scoring
from reground.annotations.collect import sync as answers
from reground.annotations.collect.exclusion import Rule
from reground.annotations.collect.sync import Batch
from reground.annotations.label_studio import UnavailableError
from reground.annotations.rounds import controls, projects
from reground.annotations.rounds import task_registry as ledger
from reground.tasks import schema
from reground.tasks.errors import RegroundError
from reground.tasks.schema import DroppedRow, DropReason, ImageId, dropped_row
from reground.tasks.workspace import Output, Workspace, digest

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client

TABLES: Final = ("votes", "control_answers", "submissions", "dropped")
VERSION: Final = 1
"""Of the reading of answers: another one reads them all again."""


@dataclass(frozen=True)
class Pulled:
    """What the workspace holds after a pull."""

    answers: int
    votes: int
    annotators: int
    excluded: int
    dropped: int


def collect(client: Client, workspace: Workspace, recorded: Collection[str]) -> RegroundError | None:
    """Fetch what is new, and commit the votes of every batch in the ledger.

    Returns:
        What is wrong with a project that is gone or not ours, if one is; the others are collected,
        and what was collected of it before stays.
    """
    there, lost = projects_there(client, workspace)
    answers.update(client, workspace, there)
    people = client.user_emails()
    known = controls.read(workspace)
    told = json.dumps([VERSION, sorted(people.items()), sorted(recorded), workspace.table_digest("controls")])
    parts = {entry.shard: part for entry, part in workspace.parts("answers")}
    for entry, questions in workspace.parts("questions"):
        copy = parts.get(entry.shard)
        key = digest(told, questions.sha256, copy.sha256 if copy else "")
        before = workspace.entry(votes.STAGE, entry.shard)
        if before is None or before.key != key:
            batch = answers.kept_of(workspace, entry.shard, questions, copy)
            workspace.commit(votes.STAGE, entry.shard, key, read(batch, people, recorded, known))
    return lost


def read(
    batch: Batch,
    people: Mapping[int, str],
    recorded: Collection[str],
    known: Mapping[str, Mapping[ImageId, str]],
) -> Output:
    """The votes in a batch's answers, what tells of the people, and what cannot count.

    Args:
        batch: tasks and the answers to them.
        people: e-mail address of each of Label Studio's users.
        recorded: addresses whose answers are recordings.
        known: subject of a question -> its control images and the known answers.
    """
    made = [
        votes.collect(task, batch.annotations(task), people, recorded, known.get(task.question.subject, {}))
        for task in batch.tasks
    ]
    rows = {name: [row for one in made for row in getattr(one, name)] for name in TABLES}
    rows["dropped"] += _deleted(batch)
    return Output({name: _sorted(name, rows[name]) for name in TABLES})


def summarise(workspace: Workspace, rule: Rule) -> Pulled:
    """Commit ``annotators``, from all that was collected, and count.

    Args:
        workspace: with votes.
        rule: whose votes do not count.
    """
    people = scoring.score(workspace, rule)
    key = digest(json.dumps(people, sort_keys=True))
    before = workspace.entry(votes.STAGE, "annotators")
    if before is None or before.key != key:
        workspace.commit(votes.STAGE, "annotators", key, Output({"annotators": people}))
    collected = workspace.read("votes", ["source", "answer_id"])
    collected = collected[collected["source"].isin((votes.SOURCE, votes.RECORDED))]
    dropped = int((workspace.read("dropped", ["stage"])["stage"] == votes.STAGE).sum())
    excluded = sum(person["excluded"] is not None for person in people)
    return Pulled(int(collected["answer_id"].nunique()), len(collected), len(people), excluded, dropped)


def _sorted(table: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    key = schema.table(table).key
    return sorted(rows, key=lambda row: tuple(row[name] for name in key))


def projects_there(client: Client, workspace: Workspace) -> tuple[list[int], RegroundError | None]:
    """The projects in the ledger that Label Studio has, and what is wrong with the first that it has not."""
    there: list[int] = []
    lost: RegroundError | None = None
    for project_id in sorted({task.project_id for task in ledger.read(workspace)}):
        try:
            there.append(projects.check_ours(client, workspace, project_id).id)
        except UnavailableError:
            raise
        except RegroundError as error:
            lost = lost or error
    return there, lost


def _deleted(batch: Batch) -> Iterator[DroppedRow]:
    for task in batch.tasks:
        answered = batch.answered.get((task.project_id, task.task_id))
        if answered is not None and answered.deleted:
            what = f"task {task.task_id} of project {task.project_id} was deleted in Label Studio"
            detail = f"{what}; answers collected before count: {len(answered.annotations)}"
            yield dropped_row(votes.STAGE, task.question.key, DropReason.TASK_DELETED, detail)
