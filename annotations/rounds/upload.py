"""Upload: the questions of a plan -> tasks in Label Studio and rows of the task registry.

Three stages overlap: the images and data of the next batch are prepared, one or two batches are imported (before
the first: the project is created), and the batch before is registered. The second import waits in Label Studio's
queue while the first is stored, so that Label Studio never idles. Annotators who submit meanwhile wait for these
two at most, and after a kill at most three batches need to be recovered.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from reground.annotations.label_studio import ImportPayload, Project, encode_tasks
from reground.annotations.rounds.controls import write_controls
from reground.annotations.rounds.local_folder import local_folder
from reground.annotations.rounds.opaque_names import read_secret, with_opaque_names
from reground.annotations.rounds.pending import discard_pending, write_pending
from reground.annotations.rounds.planning import RoundPlan
from reground.annotations.rounds.prefetch import prefetch_map
from reground.annotations.rounds.projects import ReviewRound, create_project, find_project, limit_columns
from reground.annotations.rounds.questions import Question
from reground.annotations.rounds.render import TaskRenderer
from reground.annotations.rounds.settings import ReviewSettings
from reground.annotations.rounds.task_images import DOCUMENT_ROOT, IMAGE_FOLDER
from reground.annotations.rounds.task_registry import Task, register_tasks
from reground.tasks.schema import ControlRow
from reground.tasks.workspace import Workspace

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client

MAX_IMPORTS: Final = 2
"""Imports at the same time."""

QuestionBatch = Sequence[Question]


def create_tasks(
    client: Client,
    review_round: ReviewRound,
    settings: ReviewSettings,
    plan: RoundPlan,
    projects: Sequence[Project],
    annotators: Sequence[str],
) -> list[int]:
    """Create the tasks of a plan: each annotator's in a project of their own, or all in a shared one.

    Args:
        client: of Label Studio.
        review_round: the round.
        settings: batch size and others.
        plan: the questions to ask.
        projects: the round's existing projects.
        annotators: addresses, as `assignees` gives them.

    Returns:
        The ids of the projects; nobody gets an empty one.
    """
    renderer: TaskRenderer | None = None
    project_ids: list[int] = []
    pending_controls = dict(plan.controls)
    with ThreadPoolExecutor(MAX_IMPORTS) as pool:
        for annotator in annotators:
            questions = [question for question in plan.questions if question.annotator == annotator]
            existing = find_project(review_round, annotator, projects)
            if not questions and existing is None:
                continue
            project = pool.submit(_prepare_project, client, review_round, settings, annotator, existing)
            renderer = renderer or TaskRenderer(review_round.workspace, review_round.kind, settings, plan.tallies)
            _import(client, review_round, settings, pool, project, renderer, questions, pending_controls)
            project_ids.append(project.result().id)
    return project_ids


def _prepare_project(
    client: Client,
    review_round: ReviewRound,
    settings: ReviewSettings,
    annotator: str,
    existing: Project | None,
) -> Project:
    project = existing or create_project(client, review_round, annotator)
    (local_folder(review_round.workspace) / DOCUMENT_ROOT / IMAGE_FOLDER).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(1) as pool:
        columns = None if existing else pool.submit(limit_columns, client, project)
        # Also without a new question: the workspace may have been moved since the last.
        client.add_local_storage(project.id, _image_folder(review_round.workspace, settings))
        if columns:
            columns.result()
    return project


def _import(
    client: Client,
    review_round: ReviewRound,
    settings: ReviewSettings,
    pool: ThreadPoolExecutor,
    project: Future[Project],
    renderer: TaskRenderer,
    questions: Sequence[Question],
    pending_controls: dict[str, Sequence[ControlRow]],
) -> None:
    size, workspace, kind = settings.batch_size, review_round.workspace, review_round.kind
    secret = read_secret(workspace)
    questions = [with_opaque_names(question, kind, secret) for question in questions]
    batches = [questions[start : start + size] for start in range(0, len(questions), size)]

    def encode(batch: QuestionBatch) -> ImportPayload:
        return encode_tasks(renderer.render(batch))

    def send(batch: QuestionBatch, payload: ImportPayload) -> list[int]:
        rows = [row for question in batch for row in pending_controls.pop(question.subject, ())]
        write_controls(workspace, rows)
        write_pending(workspace, kind, review_round.number, review_round.overlap, batch)
        project_id = project.result().id
        if batch is batches[0]:
            client.check_image(renderer.image_url(batch[0].image_ids[0]))
        return client.import_payload(project_id, payload)

    imports: list[tuple[QuestionBatch, Future[list[int]]]] = []
    for batch, payload in prefetch_map(encode, batches):
        imports.append((batch, pool.submit(send, batch, payload)))
        if len(imports) > MAX_IMPORTS:
            _register(review_round, project.result(), *imports.pop(0))
    for batch_import in imports:
        _register(review_round, project.result(), *batch_import)


def _register(review_round: ReviewRound, project: Project, batch: QuestionBatch, task_ids: Future[list[int]]) -> None:
    kind, number, overlap = review_round.kind, review_round.number, review_round.overlap
    tasks = [
        Task(kind, number, question, project.id, task_id, overlap)
        for question, task_id in zip(batch, task_ids.result(), strict=True)
    ]
    register_tasks(review_round.workspace, tasks)
    discard_pending(review_round.workspace, kind, number, batch)


def _image_folder(workspace: Workspace, settings: ReviewSettings) -> str:
    """Path of the task images on Label Studio's machine."""
    document_root = settings.document_root or str(local_folder(workspace) / DOCUMENT_ROOT)
    return f"{document_root.rstrip('/')}/{IMAGE_FOLDER}"
