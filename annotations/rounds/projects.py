"""Projects: one in Label Studio for each question, round and screen; found again by a mark.

A project's description ends with the mark: the workspace's own name, the question, the round
and a hash of the screen. A changed screen gets a new project; what is out in the old one
stays there.
"""

from __future__ import annotations

import hashlib
import html
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reground.annotations.rounds import task_registry as ledger
from reground.annotations.rounds.task_registry import Task
from reground.tasks.errors import RegroundError
from reground.tasks.workspace import Workspace

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client, Project

_HERE: Final = Path(__file__).resolve().parent
_IDENTITY: Final = "review.id"
_WHOSE: Final = re.compile(r" screen \w+ of (\S+)\]$")
_TITLE: Final = 50
"""Characters that Label Studio takes."""
_ABOUT: Final = {
    "contains": "One label, many photographs: tick those that contain it.",
    "classify": "One photograph: tick every valid label, pick the main one, count the objects.",
}


@dataclass(frozen=True)
class Round:
    """One question in one round of one workspace, with the number of people that each task asks."""

    workspace: Workspace
    kind: str
    number: int
    overlap: int

    def mark(self) -> str:
        """What every project of the round has in its description."""
        return f"{mark(self.workspace)} {self.kind} round {self.number} "

    def tasks(self) -> list[Task]:
        """What the ledger says is out."""
        every = ledger.read(self.workspace)
        return [task for task in every if (task.kind, task.round_number) == (self.kind, self.number)]


@dataclass(frozen=True)
class Settled:
    """What `settle` found: the round's projects, the oldest first, and the tasks that it wrote down."""

    projects: Sequence[Project]
    adopted: int


def mark(workspace: Workspace) -> str:
    """What every project of the workspace has in its description; made at the first call."""
    try:
        name = workspace.read_bytes(_IDENTITY).decode()
    except FileNotFoundError:
        name = secrets.token_hex(6)
        workspace.write_bytes(_IDENTITY, name.encode())
    return f"reground {name}"


def screen(kind: str) -> str:
    """The labelling configuration of a question, with its guidelines."""
    return (_HERE / f"{kind}.xml").read_text().replace("GUIDELINES", html.escape(guidelines(kind)))


def guidelines(kind: str) -> str:
    """What annotators are told, in HTML."""
    return (_HERE / "guidelines" / f"{kind}.html").read_text()


def open_project(client: Client, asking: Round, annotator: str, known: Sequence[Project]) -> Project:
    """The round's project with today's screen; made if there is none.

    Args:
        client: of Label Studio.
        asking: the round.
        annotator: whose own project it is; empty: everybody's.
        known: the round's projects, the oldest first.
    """
    config = screen(asking.kind)
    whose = f" of {annotator}" if annotator else ""
    whole_mark = f"{asking.mark()}screen {hashlib.blake2b(config.encode(), digest_size=6).hexdigest()}{whose}"
    for project in known:
        if f"[{whole_mark}]" in project.description:
            return project
    title = f"{asking.kind.capitalize()}, round {asking.number}{f': {annotator}' if annotator else ''}"
    description = f"{_ABOUT[asking.kind]} [{whole_mark}]"
    return client.create_project(title[:_TITLE], description, config, guidelines(asking.kind), asking.overlap)


def annotator_of(project: Project) -> str:
    """Whose own project it is; empty: everybody's."""
    found = _WHOSE.search(project.description)
    return found[1] if found else ""


def settle(client: Client, asking: Round) -> Settled:
    """Make the ledger and Label Studio agree on what is out.

    A kill, or an answer that never came, between an import and the ledger's next line leaves
    tasks that the ledger lacks: they are written down. An import that came through after it was
    given up may leave a task twice: the one that the ledger lacks goes.

    Raises:
        RegroundError: somebody deleted tasks or a project, or answered both of two equal tasks.
    """
    out = ledger.places(asking.workspace, asking.kind, asking.number)
    found = client.find_projects(asking.mark())
    projects = {project.id: project for project in found}
    for project_id in sorted(out.keys() - projects.keys()):
        projects[project_id] = check_ours(client, asking.workspace, project_id)
    adopted = 0
    for project in projects.values():
        known = out.get(project.id, set())
        if project.num_tasks != len(known):
            adopted += _adopt(client, asking, project, known, {task.question.key for task in asking.tasks()})
    return Settled(found, adopted)


def check_ours(client: Client, workspace: Workspace, project_id: int) -> Project:
    """The project, if this workspace made it.

    Raises:
        RegroundError: it is gone, or another has its number: another Label Studio, or a new one.
    """
    project = client.project(project_id)
    if mark(workspace) not in project.description:
        raise RegroundError(
            f"expected project {project_id} of {client.url} to hold the questions of {workspace.url}, found the "
            f"project '{project.title}': this is another Label Studio. Set review.url to the one the questions "
            "were put into, or ask anew with another review.round."
        )
    return project


def _adopt(client: Client, asking: Round, project: Project, known: set[int], keys: set[str]) -> int:
    seen: set[int] = set()
    found: list[Task] = []
    for task_id, data in client.list_tasks(project.id):
        seen.add(task_id)
        if task_id in known or "class_idxs" not in data:
            continue
        question = ledger.parse(data, annotator_of(project))
        if question.key in keys:
            _remove_twin(client, project, task_id, question.key)
            continue
        keys.add(question.key)
        found.append(Task(asking.kind, asking.number, question, project.id, task_id, asking.overlap))
    if found:
        ledger.append(asking.workspace, found)
    if lost := sorted(known - seen):
        raise RegroundError(
            f"expected {len(known)} tasks in project {project.id} of {client.url}, {len(lost)} were deleted there "
            f"(first: task {lost[0]}). Votes collected before stay; ask anew with another review.round."
        )
    return len(found)


def _remove_twin(client: Client, project: Project, task_id: int, key: str) -> None:
    if client.export_annotations(project.id, [task_id]):
        raise RegroundError(
            f"expected the question {key} once in project {project.id} of {client.url}, found it again as task "
            f"{task_id}, with answers: delete one of the two there."
        )
    client.delete_task(task_id)
