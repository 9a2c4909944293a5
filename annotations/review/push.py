"""Push: open a round of questions in Label Studio.

Reads ``images``, ``classes`` and the tables that the selection strategy needs; writes ``questions`` and
``controls``. It can be killed at any moment and run again: a task is identified by the key in its data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from reground.annotations.label_studio import with_retry
from reground.annotations.review.connection import connect
from reground.annotations.review.status_text import format_hours
from reground.annotations.rounds import (
    Reconciliation,
    ReviewRound,
    ReviewSettings,
    RoundPlan,
    UserDirectory,
    assignees,
    create_tasks,
    delete_unused_controls,
    measure_pace,
    plan_round,
    read_tasks,
    reconcile,
    task_ids_by_project,
    total_seconds,
    update_users,
)
from reground.tasks.errors import unknown
from reground.tasks.suspects import recorded_kinds, why_outdated
from reground.tasks.text import count_of
from reground.tasks.votes import CLASSIFY, CONTAINS, DEFAULT_POLICY, QUESTIONS, VotePolicy, current_policy
from reground.tasks.workspace import Workspace

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client


HOUR: Final = 3600.0
"""Seconds."""


@dataclass(frozen=True)
class PushSummary:
    """Counts of a push.

    Attributes:
        project_ids: projects of the round: one, or one for each annotator of a blind review; none without tasks.
        new: tasks created by this push.
        total: tasks of the round that Label Studio has.
        deleted: tasks of the round that somebody deleted there; their questions are not asked again.
        controls: control images in the new tasks.
        left: pairs that CONTAINS leaves to CLASSIFY, as their labels have too few distinct images for a grid.
        hours: time that the new tasks take all people together, at ``pace`` seconds an option.
        pace: seconds for one image of CONTAINS, or one label of CLASSIFY.
        pace_source: where that is from.
        warnings: why suspects that came first may be out of date.
    """

    project_ids: tuple[int, ...]
    new: int
    total: int
    deleted: int
    controls: int
    left: int
    hours: float
    pace: float
    pace_source: str
    warnings: tuple[str, ...] = ()

    @property
    def project_id(self) -> int:
        """The only project; for rounds that are not blind."""
        (project_id,) = self.project_ids
        return project_id


def push_questions(
    workspace: Workspace, settings: ReviewSettings, question: str, before_truth: VotePolicy = DEFAULT_POLICY
) -> PushSummary:
    """Create the missing tasks of a round; retries while Label Studio is unavailable.

    Args:
        workspace: with ``images``, ``classes`` and the tables that the selection strategy needs.
        settings: see `ReviewSettings`.
        question: ``contains`` or ``classify``.
        before_truth: which votes count as long as there is no truth; from then on the truth's own policy says so.

    Raises:
        UsageError: an unknown question, or settings that contradict each other.
        RegroundError: Label Studio is unavailable or refuses a request.
    """
    if question not in QUESTIONS:
        raise unknown("question", question, QUESTIONS)
    review_round = ReviewRound(workspace, question, settings.round, 1 if settings.is_blind else settings.overlap)
    plans: list[RoundPlan] = []

    def attempt(client: Client) -> PushSummary:
        reconciliation, plan = _reconcile_and_plan(client, review_round, settings, before_truth)
        delete_unused_controls(workspace, {task.question.subject for task in read_tasks(workspace)})
        plans.append(plan)
        project_ids = create_tasks(client, review_round, settings, plan, reconciliation.projects, assignees(settings))
        total = sum(map(len, task_ids_by_project(workspace, question, review_round.number).values()))
        return _summary(review_round, settings, plans[0], project_ids, total, reconciliation.num_deleted)

    with workspace.hold("reground review push"):
        return with_retry(
            lambda: connect(workspace, settings),
            attempt,
            lambda: len(workspace.parts("questions")),
            settings.retry_timeout,
        )


def push_suspects(
    workspace: Workspace, settings: ReviewSettings, before_truth: VotePolicy = DEFAULT_POLICY
) -> PushSummary:
    """Ask CLASSIFY about suspects that nobody has decided; of the kinds in ``settings.suspects``, or of all.

    As `push_questions`, with the selection ``suspects``.
    """
    return push_questions(workspace, replace(settings, selection="suspects"), CLASSIFY, before_truth)


def push_text(question: str, summary: PushSummary) -> str:
    """A push in words: what it chose, and how long that takes people."""
    counts = f"{count_of(summary.new, 'new task')}, {summary.total:,} in all"
    parts = [f"{question}: {counts}, {count_of(summary.controls, 'control image')}"]
    if summary.deleted:
        parts.append(f"{summary.deleted:,} deleted in Label Studio, asked again only in another round")
    if summary.left:
        parts.append(
            f"{count_of(summary.left, 'pair')} left to classify, as their labels have too few images for a grid: "
            "those of images in no grid are asked about at once, the others after the grids"
        )
    if summary.new:
        option = "image" if question == CONTAINS else "label"
        hours = format_hours(summary.hours)
        parts.append(f"about {hours} of work in all, at {summary.pace:.1f} s for one {option} ({summary.pace_source})")
    if summary.project_ids:
        parts.append(f"projects {', '.join(map(str, summary.project_ids))}")
    parts.extend(summary.warnings)
    return "; ".join(parts)


def _summary(
    review_round: ReviewRound,
    settings: ReviewSettings,
    plan: RoundPlan,
    project_ids: Sequence[int],
    total: int,
    num_deleted: int,
) -> PushSummary:
    pace = measure_pace(review_round.workspace, review_round.kind, settings)
    return PushSummary(
        project_ids=tuple(project_ids),
        new=len(plan.questions),
        total=total - num_deleted,
        deleted=num_deleted,
        controls=sum(len(rows) for rows in plan.controls.values()),
        left=plan.num_left,
        hours=total_seconds(plan.questions, review_round.overlap, pace) / HOUR,
        pace=pace.seconds,
        pace_source=pace.source,
        warnings=tuple(_warnings(review_round.workspace, settings)),
    )


def _warnings(workspace: Workspace, settings: ReviewSettings) -> Iterator[str]:
    recorded = recorded_kinds(workspace) if settings.selection == "suspects" else ()
    yield from filter(None, (why_outdated(workspace, kind) for kind in settings.suspects or recorded))


def _reconcile_and_plan(
    client: Client, review_round: ReviewRound, settings: ReviewSettings, before_truth: VotePolicy
) -> tuple[Reconciliation, RoundPlan]:
    """Both at the same time; the plan is made again in the rare case that unregistered tasks were recovered.

    Users come first: they tell whether this is another Label Studio, and who has skipped a question of a blind round.
    """
    policy = current_policy(review_round.workspace, before_truth)
    with ThreadPoolExecutor(1) as pool:
        users = pool.submit(update_users, client, review_round.workspace)
        future = pool.submit(_reconcile, client, review_round, users)
        if settings.is_blind:
            users.result()
        plan = plan_round(review_round, settings, policy)
        reconciliation = future.result()
    plan = plan_round(review_round, settings, policy) if reconciliation.num_recovered else plan
    return reconciliation, plan


def _reconcile(client: Client, review_round: ReviewRound, users: Future[UserDirectory]) -> Reconciliation:
    users.result()
    return reconcile(client, review_round)
