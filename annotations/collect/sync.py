"""Answers: a copy of what Label Studio holds, brought up to date by fetching only what was touched.

Table ``answers``: one shard for each batch in the ledger. Label Studio stamps a task whenever an
answer to it is given, changed, skipped or deleted; tasks stamped since the last fetch are fetched
again. Label Studio's own counts tell whether that was all: where they differ from ours, and once a
day, every task's stamp and number of answers is compared, which also shows deleted tasks. What was
answered before a task was deleted is kept.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from reground.annotations.label_studio import Json, ProjectCounts, TaskChange
from reground.annotations.rounds import task_registry as ledger
from reground.annotations.rounds.prefetch import one_ahead
from reground.annotations.rounds.task_registry import Task
from reground.tasks.workspace import Output, Part, Workspace, digest

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client

STEP: Final = "answers"
MARKS: Final = "review.marks"
LOOK_BACK: Final = timedelta(minutes=5)
"""Before the last stamp: Label Studio stamps a task first and writes the answer after."""
AT_ONCE: Final = 200
"""Tasks in one request; as many again are fetched ahead."""
LISTED_EVERY: Final = 24 * 3600.0
"""Seconds between two comparisons of everything."""
_KEPT: Final = (
    "id",
    "completed_by",
    "updated_by",
    "created_at",
    "updated_at",
    "was_cancelled",
    "lead_time",
    "result",
)

Place = tuple[int, int]
"""Project and task."""


@dataclass(frozen=True)
class Answered:
    """A task as last fetched: its stamp, its annotations, and whether it is gone by now."""

    stamp: str
    deleted: bool
    annotations: list[Json]


@dataclass(frozen=True)
class Batch:
    """The tasks of one batch in the ledger, and those of them that were fetched so far."""

    shard: str
    tasks: list[Task]
    answered: Mapping[Place, Answered]

    def annotations(self, task: Task) -> list[Json]:
        """What people answered to one of the tasks, skips included."""
        answered = self.answered.get((task.project_id, task.task_id))
        return answered.annotations if answered else []

    def deleted(self, task: Task) -> bool:
        """Whether somebody deleted the task."""
        answered = self.answered.get((task.project_id, task.task_id))
        return answered is not None and answered.deleted


@dataclass(frozen=True)
class Mark:
    """How far a project was fetched: the last stamp, and when everything was compared (seconds since 1970)."""

    stamp: str
    listed: float


@dataclass
class _News:
    """What is to be fetched (place -> stamp, in the ledger's order), what is gone, and the marks when that is done."""

    touched: dict[Place, str] = field(default_factory=dict[Place, str])
    gone: set[Place] = field(default_factory=set[Place])
    marks: dict[int, Mark] = field(default_factory=dict[int, Mark])


@dataclass(frozen=True)
class _Known:
    """What our copy says of a task; never fetched: the defaults."""

    stamp: str = ""
    deleted: bool = False
    answers: int = 0


def kept(workspace: Workspace) -> Iterator[Batch]:
    """The copy as it stands, batch by batch."""
    copies = _copies(workspace)
    return (
        kept_of(workspace, entry.shard, part, copies.get(entry.shard)) for entry, part in workspace.parts("questions")
    )


def kept_of(workspace: Workspace, shard: str, questions: Part, copy: Part | None) -> Batch:
    """One batch of the ledger, with its part of the copy, if there is one."""
    rows = workspace.read_part(copy.path).to_pylist() if copy else []
    answered = {
        (row["project_id"], row["task_id"]): Answered(row["stamp"], row["deleted"], json.loads(row["annotations"]))
        for row in rows
    }
    return Batch(shard, ledger.read_part(workspace, questions), answered)


def fresh(client: Client, workspace: Workspace, projects: Sequence[int]) -> Iterator[Batch]:
    """As `kept`, brought up to date in these projects; nothing is written."""
    return _brought(client, kept(workspace), _news(client, workspace, projects))


def update(client: Client, workspace: Workspace, projects: Sequence[int]) -> None:
    """Bring the copy up to date in these projects. Killed half way, it begins where it began."""
    news = _news(client, workspace, projects)
    if news.touched or news.gone:
        for batch in _brought(client, kept(workspace), news):
            _commit(workspace, batch)
    marks = {**_marks(workspace), **news.marks}
    if marks != _marks(workspace):
        told = {str(project): asdict(mark) for project, mark in sorted(marks.items())}
        workspace.write_bytes(MARKS, json.dumps(told, indent=1).encode())


def _brought(client: Client, batches: Iterable[Batch], news: _News) -> Iterator[Batch]:
    stream = _exported(client, news.touched)
    for batch in batches:
        answered = dict(batch.answered)
        for place in _places(batch.tasks):
            if place in news.gone:
                before = answered.get(place)
                answered[place] = Answered("", True, before.annotations if before else [])
            elif place in news.touched:
                answered[place] = Answered(news.touched[place], False, next(stream))
        yield Batch(batch.shard, batch.tasks, answered)


def _exported(client: Client, places: Iterable[Place]) -> Iterator[list[Json]]:
    """The annotations at each place. Fetched across batches: a request takes long, however little it brings."""
    chunks = [
        (project_id, [task_id for _, task_id in chunk])
        for project_id, group in itertools.groupby(places, key=lambda place: place[0])
        for chunk in _chunks(list(group))
    ]
    for (_, chosen), found in one_ahead(lambda chunk: client.export_annotations(*chunk), chunks):
        yield from (_trimmed(found.get(task_id, [])) for task_id in chosen)


def _chunks(places: Sequence[Place]) -> Iterator[Sequence[Place]]:
    return (places[start : start + AT_ONCE] for start in range(0, len(places), AT_ONCE))


def _news(client: Client, workspace: Workspace, projects: Sequence[int]) -> _News:
    news, known = _News(), _known(workspace)
    marks = _marks(workspace) if workspace.parts("answers") else {}
    for project_id in projects:
        ours = {place[1]: one for place, one in known.items() if place[0] == project_id}
        _look(client, project_id, ours, marks.get(project_id), news)
    news.touched = {p: news.touched[p] for p in known if p in news.touched and p not in news.gone}
    return news


def _look(client: Client, project_id: int, ours: Mapping[int, _Known], mark: Mark | None, news: _News) -> None:
    """What is new in one project."""
    before = client.project_counts(project_id)
    listed = {} if mark is None else {c.id: c for c in client.list_changes(project_id, _earlier(mark.stamp))}
    touched = {c.id: c for c in listed.values() if c.id in ours and (c.submissions or ours[c.id].stamp)}
    moment = mark.listed if mark else 0.0
    if mark is None or time.time() - moment > LISTED_EVERY or not _whole(client, before, ours, touched):
        moment = time.time()
        listed = {c.id: c for c in client.list_changes(project_id)}
        both = ours.keys() & listed.keys()
        touched |= {task_id: listed[task_id] for task_id in both if _differs(ours[task_id], listed[task_id])}
        news.gone |= {(project_id, task_id) for task_id in ours.keys() - listed.keys() if not ours[task_id].deleted}
    news.touched |= {(project_id, task_id): c.updated_at for task_id, c in touched.items()}
    stamp = max([c.updated_at for c in listed.values()] + ([mark.stamp] if mark else []), default="")
    if stamp:
        news.marks[project_id] = Mark(stamp, moment)


def _whole(
    client: Client, before: ProjectCounts, ours: Mapping[int, _Known], touched: Mapping[int, TaskChange]
) -> bool:
    """With what was touched, our copy holds as much as Label Studio says that it holds."""
    there = [one for one in ours.values() if not one.deleted]
    rest = sum(one.answers for task_id, one in ours.items() if not one.deleted and task_id not in touched)
    answers = rest + sum(c.submissions for c in touched.values())
    if before.tasks != len(there):
        return False
    # Somebody may have answered between the count and the list.
    return answers == before.submissions or answers == client.project_counts(before.project_id).submissions


def _differs(known: _Known, found: TaskChange) -> bool:
    if known.deleted or known.answers != found.submissions:
        return True
    return bool(known.stamp) and known.stamp != found.updated_at


def _known(workspace: Workspace) -> dict[Place, _Known]:
    """Every task in the ledger, in its order."""
    known: dict[Place, _Known] = {}
    for _, part in workspace.parts("questions"):
        rows = workspace.read_part(part.path, ["project_id", "task_id"])
        known |= dict.fromkeys(zip(rows["project_id"].to_pylist(), rows["task_id"].to_pylist(), strict=True), _Known())
    for part in _copies(workspace).values():
        for row in workspace.read_part(part.path, ["project_id", "task_id", "stamp", "deleted", "answers"]).to_pylist():
            known[row["project_id"], row["task_id"]] = _Known(row["stamp"], row["deleted"], row["answers"])
    return known


def _copies(workspace: Workspace) -> dict[str, Part]:
    return {entry.shard: part for entry, part in workspace.parts("answers")}


def _commit(workspace: Workspace, batch: Batch) -> None:
    rows = [
        {
            "project_id": project_id,
            "task_id": task_id,
            "stamp": one.stamp,
            "deleted": one.deleted,
            "answers": len(one.annotations),
            "annotations": json.dumps(one.annotations, sort_keys=True),
        }
        for (project_id, task_id), one in sorted(batch.answered.items())
    ]
    key = digest(json.dumps(rows))
    entry = workspace.entry(STEP, batch.shard)
    if rows and (entry is None or entry.key != key):
        workspace.commit(STEP, batch.shard, key, Output({"answers": rows}))


def _marks(workspace: Workspace) -> dict[int, Mark]:
    try:
        told = json.loads(workspace.read_bytes(MARKS))
    except FileNotFoundError:
        return {}
    return {int(project): Mark(**mark) for project, mark in told.items()}


def _places(tasks: Iterable[Task]) -> Iterator[Place]:
    return ((task.project_id, task.task_id) for task in tasks)


def _trimmed(annotations: Iterable[Json]) -> list[Json]:
    return sorted(({name: one.get(name) for name in _KEPT} for one in annotations), key=lambda one: one["id"])


def _earlier(stamp: str) -> str:
    moment = datetime.fromisoformat(stamp).astimezone(UTC) - LOOK_BACK
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
