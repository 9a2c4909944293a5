"""Putting out: the questions of a plan -> tasks in Label Studio and lines in the ledger.

Three things go on at once: the pictures and words of the next batch are made, one or two are imported (before
the first: the project is opened), and the one before is written down. A second import waits at Label Studio's
door while the first is stored, so that it never idles; nobody who answers meanwhile waits for more than these
two, and after a kill at most three batches are to be found again.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reground.annotations.label_studio import ImportPayload, Project, encode_tasks
from reground.annotations.rounds import controls, projects
from reground.annotations.rounds import task_images as pictures
from reground.annotations.rounds import task_registry as ledger
from reground.annotations.rounds.planning import Plan, whom
from reground.annotations.rounds.prefetch import one_ahead
from reground.annotations.rounds.projects import Round
from reground.annotations.rounds.questions import Question
from reground.annotations.rounds.render import Display
from reground.annotations.rounds.settings import ReviewSettings
from reground.annotations.rounds.task_registry import Task
from reground.tasks.workspace import Workspace

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client

AT_ONCE = 2
"""Imports under way."""

Batch = Sequence[Question]
Row = dict[str, Any]


def put_out(client: Client, asking: Round, settings: ReviewSettings, plan: Plan, known: Sequence[Project]) -> list[int]:
    """Each person's questions into their own project, or all into the one of the round; the projects' ids.

    Args:
        client: of Label Studio.
        asking: the round.
        settings: whom to ask, and how many questions at once.
        plan: what to put out.
        known: the round's projects.
    """
    display: Display | None = None
    opened: list[int] = []
    unwritten = dict(plan.controls)
    with ThreadPoolExecutor(AT_ONCE) as importer:
        for person in whom(settings):
            own = [question for question in plan.questions if question.annotator == person]
            opening = importer.submit(_open, client, asking, settings, person, known, bool(own))
            display = display or Display(asking.workspace, asking.kind, settings)
            _fill(client, asking, settings, importer, opening, display, own, unwritten)
            opened.append(opening.result().id)
    return opened


def _open(
    client: Client, asking: Round, settings: ReviewSettings, person: str, known: Sequence[Project], filled: bool
) -> Project:
    """The project, which shows pictures if it is to be filled."""
    project = projects.open_project(client, asking, person, known)
    if filled:
        Path(asking.workspace.path(pictures.FOLDER, pictures.PICTURES)).mkdir(parents=True, exist_ok=True)
        client.add_local_storage(project.id, _pictures_path(asking.workspace, settings))
    return project


def _fill(
    client: Client,
    asking: Round,
    settings: ReviewSettings,
    importer: ThreadPoolExecutor,
    opening: Future[Project],
    display: Display,
    own: Sequence[Question],
    unwritten: dict[str, Sequence[Row]],
) -> None:
    batches = [own[start : start + settings.batch_size] for start in range(0, len(own), settings.batch_size)]

    def make(batch: Batch) -> ImportPayload:
        return encode_tasks(display.tasks(batch))

    def send(batch: Batch, tasks: ImportPayload) -> list[int]:
        project = opening.result()
        if batch is batches[0]:
            client.check_image(display.link(batch[0].image_ids[0]))
        controls.write(asking.workspace, [row for question in batch for row in unwritten.pop(question.subject, ())])
        return client.import_payload(project.id, tasks)

    under_way: list[tuple[Batch, Future[list[int]]]] = []
    for batch, tasks in one_ahead(make, batches):
        under_way.append((batch, importer.submit(send, batch, tasks)))
        if len(under_way) > AT_ONCE:
            _write_down(asking, opening.result(), *under_way.pop(0))
    for sent in under_way:
        _write_down(asking, opening.result(), *sent)


def _write_down(asking: Round, project: Project, batch: Batch, sent: Future[list[int]]) -> None:
    placed = zip(batch, sent.result(), strict=True)
    tasks = [Task(asking.kind, asking.number, q, project.id, task_id, asking.overlap) for q, task_id in placed]
    ledger.append(asking.workspace, tasks)


def _pictures_path(workspace: Workspace, settings: ReviewSettings) -> str:
    documents = settings.documents or workspace.path(pictures.FOLDER)
    return f"{documents.rstrip('/')}/{pictures.PICTURES}"
