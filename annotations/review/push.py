"""Review: open a round of questions in Label Studio, and collect its votes.

``push`` reads ``images``, ``classes`` and what `reground.annotations.rounds.planning` needs; writes ``questions`` and
``controls``. ``pull`` reads these; writes ``votes``, ``annotators``, ``dropped`` and what else tells
of annotators. Both can be killed at any moment and run again: a task is known by the key in its
data, and an answer by its id.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reground.annotations.collect import votes as collecting
from reground.annotations.collect.votes import Pulled
from reground.annotations.label_studio import UnavailableError, find_server, serve_forever, with_retry
from reground.annotations.review import invite as accounts
from reground.annotations.review.invite import Invited
from reground.annotations.rounds import controls, planning, projects
from reground.annotations.rounds import task_images as pictures
from reground.annotations.rounds import task_registry as ledger
from reground.annotations.rounds.planning import Plan
from reground.annotations.rounds.projects import Round, Settled
from reground.annotations.rounds.questions import QUESTIONS
from reground.annotations.rounds.settings import ReviewSettings
from reground.annotations.rounds.upload import put_out
from reground.tasks.errors import RegroundError, unknown
from reground.tasks.workspace import Workspace

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client

TOKEN_VARIABLE: Final = "REGROUND_LABEL_STUDIO_TOKEN"
DATA_DIR: Final = "label-studio"
"""Below the workspace: accounts, tasks and answers of its own Label Studio."""
DOCUMENTS: Final = pictures.FOLDER
"""Below the workspace: the one folder that Label Studio serves files from."""


@dataclass(frozen=True)
class Pushed:
    """What `push` did.

    Attributes:
        project_ids: where the round's questions go: one project, or one for each person.
        new: tasks it put out.
        total: tasks that are out in this round.
        controls: control images in the new tasks.
    """

    project_ids: tuple[int, ...]
    new: int
    total: int
    controls: int

    @property
    def project_id(self) -> int:
        """Of a round that is not blind."""
        (only,) = self.project_ids
        return only


def serve(workspace: Workspace, settings: ReviewSettings) -> None:
    """Run the workspace's own Label Studio until interrupted."""
    _require_local(workspace)
    serve_forever(Path(workspace.path(DATA_DIR)), settings.port, Path(workspace.path(DOCUMENTS)))


def connect(workspace: Workspace, settings: ReviewSettings) -> Client:
    """A client of the Label Studio that the settings name, checked.

    Raises:
        RegroundError: it does not run, has another version, or there is no token it accepts.
    """
    from reground.annotations.label_studio import Client

    token = os.environ.get(TOKEN_VARIABLE, "")
    data_dir = Path(workspace.path(DATA_DIR))
    running = find_server(data_dir) if workspace.is_local else None
    if not settings.url and running is None:
        raise UnavailableError(
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


def invite(workspace: Workspace, settings: ReviewSettings, emails: Sequence[str]) -> list[Invited]:
    """Accounts in the workspace's own Label Studio; see `reground.annotations.review.invite.invite`."""
    with connect(workspace, settings) as client:
        return accounts.invite(workspace, Path(workspace.path(DATA_DIR)), client, emails)


def push(workspace: Workspace, settings: ReviewSettings, question: str) -> Pushed:
    """Put out every task of a question that is not out yet; waits for a Label Studio that goes away meanwhile.

    Args:
        workspace: with ``images``, ``classes`` and what the way of asking needs.
        settings: see `ReviewSettings`.
        question: ``contains`` or ``classify``.

    Raises:
        UsageError: another question, or settings that contradict each other.
        RegroundError: Label Studio is not to be had, or does not do as it is told.
    """
    if question not in QUESTIONS:
        raise unknown("question", question, QUESTIONS)
    _require_local(workspace)
    asking = Round(workspace, question, settings.round, 1 if settings.blind else settings.overlap)
    plans: list[Plan] = []

    def attempt(client: Client) -> Pushed:
        settled, plan = _settle_and_plan(client, asking, settings)
        controls.forget_unasked(workspace, {task.question.subject for task in ledger.read(workspace)})
        plans.append(plan)
        opened = put_out(client, asking, settings, plan, settled.projects)
        first = plans[0]
        placed = sum(len(rows) for rows in first.controls.values())
        total = sum(map(len, ledger.places(workspace, question, asking.number).values()))
        return Pushed(tuple(opened), len(first.questions), total, placed)

    return with_retry(
        lambda: connect(workspace, settings), attempt, lambda: len(workspace.parts("questions")), settings.patience
    )


def _settle_and_plan(client: Client, asking: Round, settings: ReviewSettings) -> tuple[Settled, Plan]:
    """Both at once: that a push finds tasks which the ledger lacks, and has to plan again, is rare."""
    with ThreadPoolExecutor(1) as pool:
        settling = pool.submit(projects.settle, client, asking)
        plan = planning.plan(asking, settings)
        settled = settling.result()
    return settled, planning.plan(asking, settings) if settled.adopted else plan


def pull(workspace: Workspace, settings: ReviewSettings) -> Pulled:
    """Collect every answer there is. What has not changed is not written again.

    Raises:
        RegroundError: nothing was asked yet, or Label Studio is not to be had, or a project is gone (the
            others are collected); the votes collected before stay.
    """
    workspace.require("questions", "review push")
    with connect(workspace, settings) as client:
        lost = collecting.collect(client, workspace, settings.recorded_annotators)
    pulled = collecting.summarise(workspace, settings.exclude)
    if lost is not None:
        raise lost
    return pulled


def _require_local(workspace: Workspace) -> None:
    if not workspace.is_local:
        raise RegroundError(
            f"expected a workspace in a folder of this machine, got {workspace.url}: Label Studio shows annotators "
            "pictures from the folder 'review' of the workspace. `reground review pull` works on any workspace."
        )
