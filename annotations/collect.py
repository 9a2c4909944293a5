"""Collecting: what Label Studio holds -> ``answers`` -> ``votes``, ``annotators`` and ``dropped``.

One shard for each batch that was put out, read again only when its answers, or whom they are
from, have changed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from annotations import answers, votes
from annotations.annotators import annotators
from annotations.answers import Batch
from tasks.schema import DropReason
from tasks.store import Output, Workspace, digest

if TYPE_CHECKING:
    from annotations.label_studio import Client

ORDER: Final = ("question", "image_id", "class_idx", "annotator_id", "answer_id")
VERSION: Final = 1
"""Of the reading of answers: another one reads them all again."""


@dataclass(frozen=True)
class Pulled:
    """What the workspace holds after a pull."""

    answers: int
    votes: int
    annotators: int
    dropped: int


def collect(client: Client, workspace: Workspace, projects: Sequence[int], recorded: Collection[str]) -> None:
    """Fetch what is new in these projects, and commit the votes of every batch in the ledger."""
    answers.update(client, workspace, projects)
    people = client.people()
    told = json.dumps([VERSION, sorted(people.items()), sorted(recorded)])
    parts = {entry.shard: part for entry, part in workspace.parts("answers")}
    for entry, questions in workspace.parts("questions"):
        copy = parts.get(entry.shard)
        key = digest(told, questions.sha256, copy.sha256 if copy else "")
        before = workspace.entry(votes.STAGE, entry.shard)
        if before is None or before.key != key:
            batch = answers.kept_of(workspace, entry.shard, questions, copy)
            workspace.commit(votes.STAGE, entry.shard, key, read(batch, people, recorded))


def read(batch: Batch, people: Mapping[int, str], recorded: Collection[str]) -> Output:
    """The votes in a batch's answers, and what cannot count."""
    made = [votes.collect(task, batch.annotations(task), people, recorded) for task in batch.tasks]
    dropped = [*(row for one in made for row in one.dropped), *_deleted(batch)]
    return Output(
        {
            "votes": sorted((row for one in made for row in one.votes), key=lambda row: tuple(row[n] for n in ORDER)),
            "dropped": sorted(dropped, key=lambda row: (row["item"], row["detail"])),
        }
    )


def summarise(workspace: Workspace) -> Pulled:
    """Commit ``annotators``, from all that was collected, and count."""
    collected = workspace.read("votes")
    collected = collected[collected["source"].isin((votes.SOURCE, votes.RECORDED))]
    people = annotators(collected)
    key = digest(json.dumps(people, sort_keys=True))
    before = workspace.entry(votes.STAGE, "annotators")
    if before is None or before.key != key:
        workspace.commit(votes.STAGE, "annotators", key, Output({"annotators": people}))
    dropped = int((workspace.read("dropped", ["stage"])["stage"] == votes.STAGE).sum())
    return Pulled(int(collected["answer_id"].nunique()), len(collected), len(people), dropped)


def _deleted(batch: Batch) -> Iterable[dict[str, Any]]:
    for task in batch.tasks:
        answered = batch.answered.get((task.project_id, task.task_id))
        if answered is not None and answered.deleted:
            what = f"task {task.task_id} of project {task.project_id} was deleted in Label Studio"
            yield {
                "stage": votes.STAGE,
                "item": task.question.key,
                "reason": str(DropReason.TASK_DELETED),
                "detail": f"{what}; answers collected before count: {len(answered.annotations)}",
            }
