"""Putting out: the questions of a plan -> tasks in Label Studio and lines in the ledger.

Three things go on at once: the pictures and words of the next batch are made, this batch is imported, and the
one before is written down. Label Studio takes one import at a time, so that nobody who answers
meanwhile waits for more than one; after a kill, at most two batches are to be found again.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from annotations import controls, ledger, pictures, projects
from annotations.ahead import one_ahead
from annotations.display import Display
from annotations.label_studio_data import Payload, Project, payload
from annotations.ledger import Task
from annotations.planning import Plan, whom
from annotations.projects import Round
from annotations.questions import Question
from annotations.review_settings import ReviewSettings
from tasks.store import Workspace

if TYPE_CHECKING:
    from annotations.label_studio import Client

Batch = Sequence[Question]
Row = dict[str, Any]


def put_out(client: Client, asking: Round, settings: ReviewSettings, plan: Plan) -> list[int]:
    """Each person's questions into their own project, or all into the one of the round; the projects' ids."""
    display = Display(asking.workspace, asking.kind, settings)
    opened: list[int] = []
    unwritten = dict(plan.controls)
    for person in whom(settings):
        project = projects.open_project(client, asking, person)
        opened.append(project.id)
        own = [question for question in plan.questions if question.annotator == person]
        if own:
            _fill(client, asking, settings, project, display, own, unwritten)
    return opened


def _fill(
    client: Client,
    asking: Round,
    settings: ReviewSettings,
    project: Project,
    display: Display,
    own: Sequence[Question],
    unwritten: dict[str, Sequence[Row]],
) -> None:
    batches = [own[start : start + settings.batch_size] for start in range(0, len(own), settings.batch_size)]
    served = False

    def make(batch: Batch) -> Payload:
        return payload(display.tasks(batch))

    def send(batch: Batch, tasks: Payload) -> list[int]:
        controls.write(asking.workspace, [row for question in batch for row in unwritten.pop(question.subject, ())])
        return client.import_payload(project.id, tasks)

    with ThreadPoolExecutor(1) as importer:
        under_way: list[tuple[Batch, Future[list[int]]]] = []
        for batch, tasks in one_ahead(make, batches):
            if not served:  # only now is there a picture
                client.serve_pictures(project.id, _pictures_path(asking.workspace, settings))
                client.check_picture(display.link(batch[0].image_ids[0]))
                served = True
            under_way.append((batch, importer.submit(send, batch, tasks)))
            if len(under_way) > 1:
                _write_down(asking, project, *under_way.pop(0))
        for sent in under_way:
            _write_down(asking, project, *sent)


def _write_down(asking: Round, project: Project, batch: Batch, sent: Future[list[int]]) -> None:
    placed = zip(batch, sent.result(), strict=True)
    tasks = [Task(asking.kind, asking.number, q, project.id, task_id, asking.overlap) for q, task_id in placed]
    ledger.append(asking.workspace, tasks)


def _pictures_path(workspace: Workspace, settings: ReviewSettings) -> str:
    documents = settings.documents or workspace.path(pictures.FOLDER)
    return f"{documents.rstrip('/')}/{pictures.PICTURES}"
