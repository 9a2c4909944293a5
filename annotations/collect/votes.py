"""Votes: answers in Label Studio -> rows of `TABLES`; then ``annotators``.

One shard for each batch of the task registry, parsed again only if its answers, those of a batch that asks about the
same pairs, or the identity of annotators have changed.
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow registers its compute functions when it is imported.

from __future__ import annotations

import functools
import itertools
import json
import operator
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from reground.annotations.collect.answers import AnswerBatch, read_answer_batch
from reground.annotations.collect.decisions import parse_decisions
from reground.annotations.collect.parse import STAGE, TaskRows, parse_annotations
from reground.annotations.collect.scoring import score_annotators
from reground.annotations.collect.skips import parse_skips
from reground.annotations.collect.superseded import PAIR_COLUMNS, latest_votes, overlapping_batches
from reground.annotations.collect.sync import sync_answers
from reground.annotations.label_studio import Json, UnavailableError
from reground.annotations.rounds import (
    ExclusionRule,
    Task,
    UserDirectory,
    get_own_project,
    read_controls,
    update_users,
)
from reground.tasks import schema
from reground.tasks.errors import RegroundError
from reground.tasks.schema import DroppedRow, DropReason, ImageId, dropped_row
from reground.tasks.votes import DECIDE, LABEL_STUDIO, RECORDED
from reground.tasks.workspace import Output, Workspace, digest

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client

TABLES: Final = ("votes", "control_answers", "submissions", "skips", "decision_answers", "dropped")
VERSION: Final = 4
"""Of the parser: another version parses all answers again."""

BatchRows = dict[str, list[Any]]
"""Rows of `TABLES`."""


@dataclass(frozen=True)
class PullSummary:
    """Counts of the workspace after a pull, and the answers that contradict themselves, in words."""

    answers: int
    votes: int
    annotators: int
    excluded: int
    decisions: int
    dropped: int
    refused: tuple[str, ...] = ()


def collect_votes(
    client: Client, workspace: Workspace, recorded_emails: Collection[str], curators: Collection[str] = ()
) -> RegroundError | None:
    """Synchronise answers, and commit the votes of every batch of the task registry.

    Args:
        client: of Label Studio.
        workspace: with ``questions``.
        recorded_emails: addresses whose answers are recordings.
        curators: addresses, beside those who were asked as curators.

    Returns:
        The first error of a project that is gone or not ours, if any; the others are collected, and what was
        collected from it before is kept.
    """
    project_ids, project_error = available_projects(client, workspace)
    sync_answers(client, workspace, project_ids)
    users = update_users(client, workspace, recorded_emails)
    controls = read_controls(workspace)
    curators = all_curators(workspace, curators)
    digests = [workspace.table_digest(name) for name in ("users", "controls")]
    identity = [VERSION, *digests, sorted(recorded_emails), sorted(curators)]
    answers = {entry.shard: part for entry, part in workspace.parts("answers")}
    questions = {entry.shard: part for entry, part in workspace.parts("questions")}
    overlaps = overlapping_batches(
        {name: workspace.read_part(part.path, PAIR_COLUMNS) for name, part in questions.items()}
    )
    keys = {
        name: digest(json.dumps(identity), part.digest, answers[name].digest if name in answers else "")
        for name, part in questions.items()
    }

    def parse(name: str) -> BatchRows:
        batch = read_answer_batch(workspace, name, questions[name], answers.get(name))
        return parse_batch(batch, users, controls, curators)

    parse_once = functools.cache(parse)  # of batches that others need too
    stored = workspace.keys(STAGE)
    for name in questions:
        others = overlaps.get(name, [])
        key = digest(keys[name], *(keys[other] for other in others)) if others else keys[name]
        if stored.get(name) != key:
            rows = parse_once(name) if others else parse(name)
            workspace.add([workspace.write(STAGE, name, key, _batch_output(rows, map(parse_once, others)))])
    return project_error


def all_curators(workspace: Workspace, curators: Collection[str]) -> set[str]:
    """Addresses of everybody who decides: those that the settings name, and those who were asked to."""
    questions = workspace.read_arrow("questions", ["question", "annotator"])
    asked = pc.unique(questions.filter(pc.equal(questions["question"], DECIDE))["annotator"]).to_pylist()
    return {address.lower() for address in (*curators, *asked)}


def parse_batch(
    batch: AnswerBatch,
    users: UserDirectory,
    controls: Mapping[str, Mapping[ImageId, str]],
    curators: Collection[str] = (),
) -> BatchRows:
    """The rows of a batch by table, unordered.

    Args:
        batch: tasks and their answers.
        users: who gave them.
        controls: subject of a question -> control image -> its known answer.
        curators: addresses.
    """
    task_rows = [
        parse_task(task, batch.annotations(task), users, controls.get(task.question.subject, {}), curators)
        for task in batch.tasks
    ]
    rows: BatchRows = {name: [row for task_row in task_rows for row in getattr(task_row, name)] for name in TABLES}
    rows["dropped"] += _deleted_tasks(batch)
    return rows


def parse_task(
    task: Task,
    annotations: Sequence[Json],
    users: UserDirectory,
    controls: Mapping[ImageId, str],
    curators: Collection[str],
) -> TaskRows:
    """Everything in the answers to a task: votes, or decisions of the curator who was asked, corrections and skips."""
    decisions = parse_decisions(task, annotations, users, curators)
    rows = decisions if task.kind == DECIDE else parse_annotations(task, annotations, users, controls)
    if rows is not decisions:
        rows.decision_answers.extend(decisions.decision_answers)
        rows.dropped.extend(decisions.dropped)
    rows.skips.extend(parse_skips(task, annotations, users))
    return rows


def update_annotators(workspace: Workspace, rule: ExclusionRule) -> PullSummary:
    """Commit ``annotators``, from all votes so far, and count.

    Args:
        workspace: with votes.
        rule: of exclusion.
    """
    annotators = score_annotators(workspace, rule)
    key = digest(json.dumps(annotators, sort_keys=True))
    current = workspace.entry(STAGE, "annotators")
    if current is None or current.key != key:
        workspace.commit(STAGE, "annotators", key, Output({"annotators": annotators}))
    votes = workspace.read_arrow("votes", ["source", "answer_id"])
    votes = votes.filter(pc.is_in(votes["source"], value_set=pa.array([LABEL_STUDIO, RECORDED])))
    num_answers = pc.count_distinct(votes["answer_id"]).as_py()
    num_dropped = workspace.read_arrow("dropped", ["stage"]).filter(pc.field("stage") == STAGE).num_rows
    num_excluded = sum(row["excluded"] is not None for row in annotators)
    return PullSummary(num_answers, len(votes), len(annotators), num_excluded, 0, num_dropped)


def available_projects(client: Client, workspace: Workspace) -> tuple[list[int], RegroundError | None]:
    """The registered projects that Label Studio has, and the error of the first that it does not have."""
    project_ids: list[int] = []
    first_error: RegroundError | None = None
    for project_id in sorted(pc.unique(workspace.read_arrow("questions", ["project_id"])["project_id"]).to_pylist()):
        try:
            project_ids.append(get_own_project(client, workspace, project_id).id)
        except UnavailableError:
            raise
        except RegroundError as error:
            first_error = first_error or error
    return project_ids, first_error


def _batch_output(rows: BatchRows, others: Iterable[BatchRows]) -> Output:
    """The tables of a batch, without the votes that their annotators have given again in it or in other batches."""
    other_votes = itertools.chain.from_iterable(other["votes"] for other in others)
    votes, superseded = latest_votes(rows["votes"], other_votes, STAGE)
    tables = {**rows, "votes": votes, "dropped": [*rows["dropped"], *superseded]}
    return Output({name: _sort_by_key(name, tables[name]) for name in TABLES})


def _sort_by_key(table: str, rows: list[Any]) -> list[Any]:
    return sorted(rows, key=operator.itemgetter(*schema.table(table).key))


def _deleted_tasks(batch: AnswerBatch) -> Iterator[DroppedRow]:
    for task in batch.tasks:
        if batch.is_deleted(task):
            deletion = f"task {task.task_id} of project {task.project_id} was deleted in Label Studio"
            detail = f"{deletion}; answers collected before count: {len(batch.annotations(task))}"
            yield dropped_row(STAGE, task.question.key, DropReason.TASK_DELETED, detail)
