"""Status: the progress of each question of each round, and what a manager should look at.

Reads ``questions``, ``answers``, ``controls``, ``annotators``, ``votes`` and ``decisions``; writes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypedDict

import pyarrow as pa

from reground.annotations.collect import (
    AnswerBatch,
    all_curators,
    available_projects,
    fetch_answers,
    parse_task,
)
from reground.annotations.review.connection import connect
from reground.annotations.review.findings import Findings
from reground.annotations.review.inspection import ParsedTask, inspect_tasks
from reground.annotations.rounds import MIN_AGREEMENT, ReviewSettings, UserDirectory, fetch_users, read_controls
from reground.tasks.schema import VoteRow, arrow_schema_subset
from reground.tasks.votes import CLASSIFY, DECIDE, DEFAULT_POLICY, VotePolicy, counted_votes, current_policy, excluded
from reground.tasks.workspace import Workspace

HOUR: Final = 3600.0
"""Seconds."""


class StatusRow(TypedDict):
    """The progress of one question of one round.

    Keys:
        question: contains, classify or decide.
        round: number of the round.
        tasks: questions; one that is assigned to several annotators counts once.
        done: questions with as many valid answers as wanted.
        open: the other questions.
        disagreed: done questions on which fewer than three quarters of the votes agree on some label, or on the
            main label.
        answers: valid answers.
        annotators: people who gave them.
        answers_per_hour: over the last hour of activity; None: fewer than two answers.
        hours_left: None: no rate.
    """

    question: str
    round: int
    tasks: int
    done: int
    open: int
    disagreed: int
    answers: int
    annotators: int
    answers_per_hour: float | None
    hours_left: float | None


@dataclass(frozen=True)
class ReviewStatus:
    """Progress, one row for each question of each round, and what to look at one by one."""

    progress: list[StatusRow] = field(default_factory=list[StatusRow])
    findings: Findings = field(default_factory=Findings)


@dataclass
class _QuestionStatus:
    """One question: numbers of answers, and the votes."""

    num_wanted: int = 0
    num_skipped: int = 0
    num_answers: int = 0
    votes: dict[tuple[str, int], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    main_votes: Counter[int | None] = field(default_factory=Counter[int | None])

    def num_missing(self, overlap: int) -> int:
        """Answers that are still wanted; a skipped assignment that went to somebody else is not."""
        num_wanted = max(self.num_wanted - self.num_skipped, min(overlap, self.num_wanted))
        return max(0, num_wanted - self.num_answers)

    def is_disagreed(self) -> bool:
        counters = [*self.votes.values(), *([self.main_votes] if self.main_votes else [])]
        return any(max(counter.values()) < MIN_AGREEMENT * counter.total() for counter in counters)


@dataclass
class _RoundStatus:
    """One kind of question in one round."""

    questions: dict[str, _QuestionStatus] = field(default_factory=lambda: defaultdict(_QuestionStatus))
    annotators: set[str] = field(default_factory=set[str])
    times: list[float] = field(default_factory=list[float])


def review_status(
    workspace: Workspace, settings: ReviewSettings, before_truth: VotePolicy = DEFAULT_POLICY
) -> ReviewStatus:
    """How far the review is in Label Studio at this moment.

    Args:
        workspace: with ``questions``.
        settings: see `ReviewSettings`.
        before_truth: which votes count as long as there is no truth; from then on the truth's own policy says so.

    Raises:
        RegroundError: Label Studio is unavailable.
    """
    if not workspace.parts("questions"):
        return ReviewStatus()
    policy = current_policy(workspace, before_truth)
    excluded_ids = excluded(workspace, policy)
    with connect(workspace, settings) as client:
        project_ids, _ = available_projects(client, workspace)
        batches = fetch_answers(client, workspace, project_ids)
        users = fetch_users(client, workspace, settings.recorded_annotators)
        parsed = list(_parse(workspace, settings, batches, users))
        url = client.url
    findings = inspect_tasks(workspace, policy, excluded_ids, parsed, users, url)
    return ReviewStatus(_progress(settings, policy, excluded_ids, parsed), findings)


def answers_per_hour(times: Sequence[float]) -> float | None:
    """The rate of answers over the last hour of activity; None: there is none.

    Args:
        times: of each answer, in seconds.

    Examples:
        >>> answers_per_hour([0.0, 60.0, 120.0])
        60.0
    """
    last = max(times, default=0.0)
    recent = [time for time in times if time >= last - HOUR]
    span = last - min(recent, default=0.0)
    return (len(recent) - 1) / span * HOUR if span > 0 else None


def _parse(
    workspace: Workspace, settings: ReviewSettings, batches: Iterable[AnswerBatch], users: UserDirectory
) -> Iterator[ParsedTask]:
    controls, curators = read_controls(workspace), all_curators(workspace, settings.curators)
    for batch in batches:
        for task in batch.tasks:
            versions, task_controls = batch.annotations(task), controls.get(task.question.subject, {})
            rows = parse_task(task, versions, users, task_controls, curators)
            authors = {version["id"]: version["completed_by"] for version in versions}
            yield ParsedTask(task, batch.is_deleted(task), rows, authors)


def _progress(
    settings: ReviewSettings, policy: VotePolicy, excluded_ids: Collection[str], parsed: Sequence[ParsedTask]
) -> list[StatusRow]:
    counted_ids = _counted_ids([vote for one in parsed for vote in one.rows.votes], policy, excluded_ids)
    rounds: dict[tuple[int, str], _RoundStatus] = defaultdict(_RoundStatus)
    for one in parsed:
        num_wanted = len(_answers(one)) if one.is_deleted else one.task.overlap or settings.overlap
        _add_task(rounds[one.task.round_number, one.task.kind], one, num_wanted, counted_ids)
    return [_row(number, kind, status, settings.overlap) for (number, kind), status in sorted(rounds.items())]


def _answers(one: ParsedTask) -> dict[str, tuple[str, str]]:
    """answer_id -> annotator and time, of the valid answers to the question that was asked."""
    if one.task.kind == DECIDE:
        return {row["answer_id"]: (row["annotator_id"], row["at"]) for row in one.rows.decision_answers}
    return {row["answer_id"]: (row["annotator_id"], row["at"]) for row in one.rows.submissions}


def _counted_ids(votes: Sequence[VoteRow], policy: VotePolicy, excluded_ids: Collection[str]) -> set[str]:
    """The answer_ids of submissions whose votes count."""
    schema = arrow_schema_subset("votes", ["answer_id", "source", "annotator_id"])
    columns = {name: [vote[name] for vote in votes] for name in schema.names}
    return set(counted_votes(pa.table(columns, schema), policy, excluded_ids)["answer_id"].to_pylist())


def _add_task(status: _RoundStatus, one: ParsedTask, num_wanted: int, counted_ids: Collection[str]) -> None:
    question, answers = status.questions[one.task.question.subject], _answers(one)
    question.num_wanted += num_wanted
    question.num_answers += len(answers)
    question.num_skipped += bool(one.task.question.annotator and one.rows.skips and not answers)
    status.annotators.update(annotator_id for annotator_id, _ in answers.values())
    status.times.extend(datetime.fromisoformat(at).timestamp() for _, at in answers.values())
    main_labels: dict[str, int | None] = {}
    for vote in one.rows.votes:
        if vote["answer_id"] in counted_ids:
            question.votes[vote["image_id"], vote["class_idx"]][vote["answer"]] += 1
            if one.task.kind == CLASSIFY:
                main_labels.setdefault(vote["answer_id"], None)
                if vote["main"]:
                    main_labels[vote["answer_id"]] = vote["class_idx"]
    question.main_votes.update(main_labels.values())


def _row(number: int, kind: str, status: _RoundStatus, overlap: int) -> StatusRow:
    questions = status.questions.values()
    done_questions = [question for question in questions if not question.num_missing(overlap)]
    rate = answers_per_hour(status.times)
    num_missing = sum(question.num_missing(overlap) for question in questions)
    return {
        "question": kind,
        "round": number,
        "tasks": len(questions),
        "done": len(done_questions),
        "open": len(questions) - len(done_questions),
        "disagreed": sum(question.is_disagreed() for question in done_questions),
        "answers": sum(question.num_answers for question in questions),
        "annotators": len(status.annotators),
        "answers_per_hour": rate,
        "hours_left": num_missing / rate if rate else None,
    }
