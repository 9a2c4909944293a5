"""Projects: one in Label Studio for each question, round and labeling config, found again by a tag.

A project's description ends with the tag: the workspace's own name, the question, the round and a hash of the
labeling config. A changed config gets a new project; existing tasks stay in the old one.
"""

from __future__ import annotations

import hashlib
import html
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reground.annotations.rounds.pending import read_pending
from reground.annotations.rounds.questions import Question
from reground.annotations.rounds.task_registry import (
    Task,
    deleted_task_ids,
    read_tasks,
    register_tasks,
    task_ids_by_project,
)
from reground.tasks.errors import RegroundError
from reground.tasks.votes import CLASSIFY, CONTAINS, DECIDE
from reground.tasks.workspace import Workspace

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client, Project

_FOLDER: Final = Path(__file__).resolve().parent
_NAME_FILE: Final = "review.id"
COLUMNS: Final = ("id", "data.labels", "data.image", "total_annotations")
"""Of Label Studio's list of tasks: all that annotators need."""
_MAX_TITLE: Final = 50
"""Characters that Label Studio accepts."""
_DESCRIPTIONS: Final = {
    CONTAINS: "One label, many photographs: tick those that contain it.",
    CLASSIFY: "One photograph: tick every valid label, pick the main one, count the objects.",
    DECIDE: "One photograph and the labels that people dispute: decide each.",
}


@dataclass(frozen=True)
class ReviewRound:
    """One question in one round of one workspace.

    Attributes:
        workspace: see `Workspace`.
        kind: contains, classify or decide.
        number: of the round, 1 for the first.
        overlap: annotators wanted for each task.
    """

    workspace: Workspace
    kind: str
    number: int
    overlap: int

    def tag(self) -> str:
        """Part of the description of each of the round's projects."""
        return f"{workspace_tag(self.workspace)} {self.kind} round {self.number} "

    def tasks(self) -> list[Task]:
        """The round's registered tasks."""
        tasks = read_tasks(self.workspace)
        return [task for task in tasks if (task.kind, task.round_number) == (self.kind, self.number)]


@dataclass(frozen=True)
class Reconciliation:
    """Result of `reconcile`: the round's projects, the oldest first, tasks it registered, tasks deleted by hand."""

    projects: Sequence[Project]
    num_recovered: int
    num_deleted: int


def workspace_tag(workspace: Workspace) -> str:
    """Part of the description of each of the workspace's projects; drawn at random at the first call."""
    try:
        name = workspace.read_bytes(_NAME_FILE).decode()
    except FileNotFoundError:
        name = secrets.token_hex(6)
        workspace.write_bytes(_NAME_FILE, name.encode())
    return f"reground {name}"


def labeling_config(kind: str) -> str:
    """The labeling config of a question, guidelines included."""
    return (_FOLDER / f"{kind}.xml").read_text().replace("GUIDELINES", html.escape(guidelines(kind)))


def guidelines(kind: str) -> str:
    """The annotation guidelines of a question, in HTML."""
    return (_FOLDER / "guidelines" / f"{kind}.html").read_text()


def find_project(review_round: ReviewRound, annotator: str, projects: Sequence[Project]) -> Project | None:
    """The round's project with the current labeling config; none if it is still to be created.

    Args:
        review_round: the round.
        annotator: assignee of all its tasks; empty: shared by all annotators.
        projects: the round's existing projects, the oldest first.
    """
    tag = _tag(review_round, annotator)
    return next((project for project in projects if tag in project.description), None)


def create_project(client: Client, review_round: ReviewRound, annotator: str) -> Project:
    """A new project of the round, with the current labeling config.

    Args:
        client: of Label Studio.
        review_round: the round.
        annotator: assignee of all its tasks; empty: shared by all annotators.
    """
    kind, config = review_round.kind, labeling_config(review_round.kind)
    title = f"{kind.capitalize()}, round {review_round.number}{f': {annotator}' if annotator else ''}"
    description = f"{_DESCRIPTIONS[kind]} {_tag(review_round, annotator)}"
    return client.create_project(title[:_MAX_TITLE], description, config, guidelines(kind), review_round.overlap)


def limit_columns(client: Client, project: Project) -> None:
    """Show annotators in a new project's list of tasks what they need, and no key."""
    client.limit_columns(project.id, "Questions", COLUMNS)


def _tag(review_round: ReviewRound, annotator: str) -> str:
    config = labeling_config(review_round.kind)
    assignee = f" of {annotator}" if annotator else ""
    config_hash = hashlib.blake2b(config.encode(), digest_size=6).hexdigest()
    return f"[{review_round.tag()}config {config_hash}{assignee}]"


def reconcile(client: Client, review_round: ReviewRound) -> Reconciliation:
    """Make the task registry and Label Studio agree, task by task.

    A kill, or a lost response, between an import and its registration leaves tasks that are not registered: they
    are registered now. An import that succeeded after it was given up may leave a task twice: the one that is
    not registered is deleted. Tasks that somebody deleted stay deleted. Tasks that somebody added are not ours.

    Raises:
        RegroundError: somebody deleted a project, or a duplicate has annotations.
    """
    workspace, kind, number = review_round.workspace, review_round.kind, review_round.number
    registered_ids, deleted_ids = task_ids_by_project(workspace, kind, number), deleted_task_ids(workspace)
    tagged_projects = client.find_projects(review_round.tag())
    projects = {project.id: project for project in tagged_projects}
    for project_id in sorted(registered_ids.keys() - projects.keys()):
        projects[project_id] = get_own_project(client, workspace, project_id)
    pending = read_pending(workspace, kind, number)
    num_recovered = num_deleted = 0
    for project in projects.values():
        task_ids = registered_ids.get(project.id, set())
        existing_ids = task_ids - deleted_ids
        if pending or not _has_exactly(client, project, existing_ids):
            listed_ids, recovered = _recover_tasks(client, review_round, project, pending)
            existing_ids, num_recovered = task_ids & listed_ids, num_recovered + recovered
        num_deleted += len(task_ids - existing_ids)
    return Reconciliation(tagged_projects, num_recovered, num_deleted)


def _has_exactly(client: Client, project: Project, task_ids: set[int]) -> bool:
    """Whether the project has these tasks and no other."""
    return project.num_tasks == len(task_ids) == client.count_tasks(project.id, task_ids)


def get_own_project(client: Client, workspace: Workspace, project_id: int) -> Project:
    """The project, if this workspace created it.

    Raises:
        RegroundError: it was deleted, or is another's: Label Studio is a different or a new one.
    """
    project = client.project(project_id)
    if workspace_tag(workspace) not in project.description:
        raise RegroundError(
            f"expected project {project_id} of {client.url} to hold the questions of {workspace.url}, found the "
            f"project '{project.title}': this is another Label Studio. Set review.url to the one that has the "
            "questions, or ask again with another review.round."
        )
    return project


def _recover_tasks(
    client: Client, review_round: ReviewRound, project: Project, pending: Mapping[str, Question]
) -> tuple[set[int], int]:
    """Register the pending tasks that a project has, and delete duplicates.

    Returns:
        The ids of all its tasks, and how many it registered.
    """
    tasks = review_round.tasks()
    registered = {task.task_id for task in tasks if task.project_id == project.id}
    keys = {task.question.key for task in tasks}
    questions = {task.question.task_key: task.question for task in tasks} | dict(pending)
    listed_ids: set[int] = set()
    new_tasks: list[Task] = []
    for task_id, data in client.list_tasks(project.id):
        listed_ids.add(task_id)
        question = questions.get(str(data.get("key")))
        if task_id in registered or question is None:
            continue
        if question.key in keys:
            _delete_duplicate(client, project, task_id, question.key)
            continue
        keys.add(question.key)
        task = Task(review_round.kind, review_round.number, question, project.id, task_id, review_round.overlap)
        new_tasks.append(task)
    if new_tasks:
        register_tasks(review_round.workspace, new_tasks)
    return listed_ids, len(new_tasks)


def _delete_duplicate(client: Client, project: Project, task_id: int, key: str) -> None:
    if client.export_tasks(project.id, [task_id]):
        raise RegroundError(
            f"expected the question {key} once in project {project.id} of {client.url}, found it again as task "
            f"{task_id}, with annotations: delete one of the two there."
        )
    client.delete_task(task_id)
