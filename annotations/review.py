"""Review: open a round of questions in Label Studio, and collect its votes.

``push`` reads ``images``, ``classes``, ``candidates``; writes ``questions``. ``pull`` reads
``questions``; writes ``votes``, ``annotators``, ``dropped``. Both can be killed at any moment
and run again: a task is known by the key in its data, and an answer by its id.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from annotations import collect as collecting
from annotations import ledger, pictures, projects, questions
from annotations.collect import Pulled
from annotations.label_studio_server import find_running, serve_forever
from annotations.ledger import Task
from annotations.projects import Round
from annotations.questions import CONTAINS, QUESTIONS, Label, Question
from tasks.errors import RegroundError, unknown
from tasks.schema import ClassIdx, ImageId
from tasks.store import Workspace

if TYPE_CHECKING:
    from annotations.label_studio import Client, Project

TOKEN_VARIABLE: Final = "REGROUND_LABEL_STUDIO_TOKEN"
DATA_DIR: Final = "label-studio"
"""Below the workspace: accounts, tasks and answers of its own Label Studio."""
DOCUMENTS: Final = pictures.FOLDER
"""Below the workspace: the one folder that Label Studio serves files from."""


@dataclass(frozen=True)
class ReviewSettings:
    """Where people are asked, and how.

    Attributes:
        url: of Label Studio; empty: the workspace's own, which `serve` runs. Its token comes from
            the environment (``REGROUND_LABEL_STUDIO_TOKEN``), never from a settings file; the
            workspace's own needs none.
        port: that the workspace's own Label Studio listens on; 0 for any free one.
        documents: where that Label Studio sees the folder ``review`` of the workspace; empty: at
            the same path as we do.
        round: of questions; a new one asks everything anew.
        overlap: people asked about each question.
        grid: images in one CONTAINS question.
        batch_size: tasks in one import request.
        recorded_annotators: e-mail addresses whose answers are recordings, not people's own;
            their votes carry the source ``recorded``.
        seed: of the order in which candidates are shown.
    """

    url: str = ""
    port: int = 8080
    documents: str = ""
    round: int = 1
    overlap: int = 5
    grid: int = 48
    batch_size: int = 250
    recorded_annotators: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Pushed:
    """What `push` did: tasks it put out, and tasks that are out in this round."""

    project_id: int
    new: int
    total: int


def serve(workspace: Workspace, settings: ReviewSettings) -> None:
    """Run the workspace's own Label Studio until interrupted."""
    _require_local(workspace)
    serve_forever(Path(workspace.path(DATA_DIR)), settings.port, Path(workspace.path(DOCUMENTS)))


def connect(workspace: Workspace, settings: ReviewSettings) -> Client:
    """A client of the Label Studio that the settings name, checked.

    Raises:
        RegroundError: it does not run, has another version, or there is no token it accepts.
    """
    from annotations.label_studio import Client

    token = os.environ.get(TOKEN_VARIABLE, "")
    data_dir = Path(workspace.path(DATA_DIR))
    running = find_running(data_dir) if workspace.is_local else None
    if not settings.url and running is None:
        raise RegroundError(
            f"expected Label Studio to run for {workspace.url}, and it does not: start it with "
            f"`reground review serve -w {workspace.url}` in another terminal, or name another one in the setting "
            f"review.url and its token in {TOKEN_VARIABLE}. Nothing is lost."
        )
    url = settings.url or (running.url if running else "")
    if not token and running is not None and running.url == url.rstrip("/"):
        token = running.credentials.token
    if not token:
        raise RegroundError(
            f"expected a token for {url} in the environment variable {TOKEN_VARIABLE}, found none: Label Studio "
            "shows it on the page Account & Settings."
        )
    client = Client(url, token)
    client.check()
    return client


def push(workspace: Workspace, settings: ReviewSettings, question: str) -> Pushed:
    """Put out every task of a question that is not out yet.

    Args:
        workspace: with ``images``, ``classes`` and ``candidates``.
        settings: see `ReviewSettings`.
        question: ``contains`` or ``classify``.

    Raises:
        UsageError: another question.
        RegroundError: Label Studio is not to be had, or does not do as it is told.
    """
    if question not in QUESTIONS:
        raise unknown("question", question, QUESTIONS)
    _require_local(workspace)
    workspace.require("candidates", "candidates")
    asking = Round(workspace, question, settings.round)
    with connect(workspace, settings) as client:
        project = projects.open_project(client, asking, settings.overlap)
        projects.settle(client, asking)
        left = _left(asking, settings)
        _put_out(client, asking, settings, project, left)
        projects.settle(client, asking)
    return Pushed(project.id, len(left), len(asking.tasks()))


def pull(workspace: Workspace, settings: ReviewSettings) -> Pulled:
    """Collect every answer there is. What has not changed is not written again.

    Raises:
        RegroundError: nothing was asked yet, or Label Studio is not to be had; the votes
            collected before stay.
    """
    workspace.require("questions", "review push")
    with connect(workspace, settings) as client:
        for project_id in sorted({task.project_id for task in ledger.read(workspace)}):
            projects.check_ours(client, workspace, project_id)
        collecting.collect(client, workspace, client.people(), settings.recorded_annotators)
    return collecting.summarise(workspace)


def _left(asking: Round, settings: ReviewSettings) -> list[Question]:
    candidates = asking.workspace.read("candidates", ["image_id", "class_idx"])
    out = [task.question for task in asking.tasks()]
    if asking.kind == CONTAINS:
        return questions.contains(candidates, out, asking.number, settings.grid, settings.seed)
    return questions.classify(candidates, out, asking.number, settings.seed)


def _put_out(
    client: Client, asking: Round, settings: ReviewSettings, project: Project, left: Sequence[Question]
) -> None:
    size = pictures.THUMB if asking.kind == CONTAINS else pictures.FULL
    show = questions.contains_data if asking.kind == CONTAINS else questions.classify_data
    originals, labels = _originals(asking.workspace), _labels(asking.workspace)

    def link(image_id: ImageId) -> str:
        return pictures.link(size, image_id, originals[image_id])

    for batch in _batches(left, settings.batch_size):
        pictures.make(asking.workspace, size, originals, (i for question in batch for i in question.image_ids))
        client.serve_pictures(project.id, _pictures_path(asking.workspace, settings))
        client.check_picture(link(batch[0].image_ids[0]))
        ids = client.import_tasks(project.id, [show(question, labels, link) for question in batch])
        out = [Task(asking.kind, asking.number, q, project.id, task_id) for q, task_id in zip(batch, ids, strict=True)]
        ledger.append(asking.workspace, out)


def _originals(workspace: Workspace) -> Mapping[ImageId, pictures.Original]:
    images = workspace.read("images", ["image_id", "uri", "sha256"])
    rows = zip(images["image_id"], images["uri"], images["sha256"], strict=True)
    return {ImageId(str(image_id)): pictures.Original(str(uri), str(sha256)) for image_id, uri, sha256 in rows}


def _labels(workspace: Workspace) -> Mapping[ClassIdx, Label]:
    classes = workspace.read("classes", ["class_idx", "name", "gloss"])
    rows = zip(classes["class_idx"], classes["name"], classes["gloss"], strict=True)
    return {ClassIdx(int(index)): Label(str(name), str(gloss)) for index, name, gloss in rows}


def _pictures_path(workspace: Workspace, settings: ReviewSettings) -> str:
    documents = settings.documents or workspace.path(DOCUMENTS)
    return f"{documents.rstrip('/')}/{pictures.PICTURES}"


def _batches(left: Sequence[Question], size: int) -> Iterator[Sequence[Question]]:
    return (left[start : start + size] for start in range(0, len(left), size))


def _require_local(workspace: Workspace) -> None:
    if not workspace.is_local:
        raise RegroundError(
            f"expected a workspace in a folder of this machine, got {workspace.url}: Label Studio shows annotators "
            "pictures from the folder 'review' of the workspace. `reground review pull` works on any workspace."
        )
