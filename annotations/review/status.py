"""Status: the progress of each question of each round.

Reads ``questions``, ``answers``, ``controls`` and ``annotators``; writes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypedDict

import pyarrow as pa

from reground.annotations.collect import (
    AnswerBatch,
    TaskRows,
    available_projects,
    fetch_answers,
    parse_annotations,
)
from reground.annotations.review.connection import connect
from reground.annotations.rounds import ReviewSettings, Task, UserDirectory, fetch_users, read_controls
from reground.tasks.schema import VoteRow, arrow_schema_subset
from reground.tasks.votes import CLASSIFY, DEFAULT_POLICY, VotePolicy, counted_votes, current_policy, excluded
from reground.tasks.workspace import Workspace

MIN_AGREEMENT: Final = 0.75
"""Share of the votes on a pair that must be equal: four of five, but not two of three."""
HOUR: Final = 3600.0
"""Seconds."""


class StatusRow(TypedDict):
    """The progress of one question of one round.

    Keys:
        question: contains or classify.
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


@dataclass
class _QuestionStatus:
    """One question: numbers of answers, and the votes."""

    num_wanted: int = 0
    num_answers: int = 0
    votes: dict[tuple[str, int], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    main_votes: Counter[int | None] = field(default_factory=Counter[int | None])

    def is_done(self) -> bool:
        return self.num_answers >= self.num_wanted

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
) -> list[StatusRow]:
    """The current progress in Label Studio, one row for each question of each round.

    Args:
        workspace: with ``questions``.
        settings: see `ReviewSettings`.
        before_truth: which votes count as long as there is no truth; from then on the truth's own policy says so.

    Raises:
        RegroundError: Label Studio is unavailable.
    """
    if not workspace.parts("questions"):
        return []
    policy = current_policy(workspace, before_truth)
    with connect(workspace, settings) as client:
        project_ids, _ = available_projects(client, workspace)
        batches = fetch_answers(client, workspace, project_ids)
        users = fetch_users(client, workspace, settings.recorded_annotators)
        return _rows(workspace, settings, policy, batches, users)


def status_cells(row: StatusRow) -> dict[str, str]:
    """A row of `review_status` as text: column title -> cell."""
    rate, hours = row["answers_per_hour"], row["hours_left"]
    return {
        "question": row["question"],
        "round": str(row["round"]),
        "done": f"{row['done']:,} of {row['tasks']:,}",
        "open": f"{row['open']:,}",
        "disagreed": f"{row['disagreed']:,}",
        "answers": f"{row['answers']:,}",
        "annotators": f"{row['annotators']:,}",
        "an hour": "-" if rate is None else f"{rate:,.0f}",
        "time left": "-" if hours is None else format_hours(hours),
    }


def status_table(rows: Sequence[StatusRow]) -> str:
    """The rows of `review_status` as a text table."""
    if not rows:
        return "no questions yet: `reground review push` creates them"
    cells = [status_cells(row) for row in rows]
    lines = [list(cells[0]), *(list(row.values()) for row in cells)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def format_hours(hours: float) -> str:
    """A duration in minutes, hours or days.

    Examples:
        >>> format_hours(1.5), format_hours(20), format_hours(100)
        ('90 min', '20 h', '4 days')
    """
    if hours < 2:
        return f"{60 * hours:.0f} min"
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} days"


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


def _rows(
    workspace: Workspace,
    settings: ReviewSettings,
    policy: VotePolicy,
    batches: Iterable[AnswerBatch],
    users: UserDirectory,
) -> list[StatusRow]:
    controls, excluded_ids = read_controls(workspace), excluded(workspace, policy)
    rounds: dict[tuple[int, str], _RoundStatus] = defaultdict(_RoundStatus)
    for batch in batches:
        task_rows: list[tuple[Task, TaskRows]] = []
        for task in batch.tasks:
            annotations, task_controls = batch.annotations(task), controls.get(task.question.subject, {})
            rows = parse_annotations(task, annotations, users, task_controls)
            task_rows.append((task, rows))
        counted_ids = _counted_ids([vote for _, rows in task_rows for vote in rows.votes], policy, excluded_ids)
        for task, rows in task_rows:
            num_wanted = len(rows.submissions) if batch.is_deleted(task) else task.overlap or settings.overlap
            _add_task(rounds[task.round_number, task.kind], task, num_wanted, rows, counted_ids)
    return [_row(number, kind, status) for (number, kind), status in sorted(rounds.items())]


def _counted_ids(votes: Sequence[VoteRow], policy: VotePolicy, excluded_ids: Collection[str]) -> set[str]:
    """The answer_ids of submissions whose votes count."""
    schema = arrow_schema_subset("votes", ["answer_id", "source", "annotator_id"])
    columns = {name: [vote[name] for vote in votes] for name in schema.names}
    return set(counted_votes(pa.table(columns, schema), policy, excluded_ids)["answer_id"].to_pylist())


def _add_task(status: _RoundStatus, task: Task, num_wanted: int, rows: TaskRows, counted_ids: Collection[str]) -> None:
    question = status.questions[task.question.subject]
    question.num_wanted += num_wanted
    question.num_answers += len(rows.submissions)
    status.annotators.update(row["annotator_id"] for row in rows.submissions)
    status.times.extend(datetime.fromisoformat(row["at"]).timestamp() for row in rows.submissions)
    main_labels: dict[str, int | None] = {}
    for vote in rows.votes:
        if vote["answer_id"] in counted_ids:
            question.votes[vote["image_id"], vote["class_idx"]][vote["answer"]] += 1
            if task.kind == CLASSIFY:
                main_labels.setdefault(vote["answer_id"], None)
                if vote["main"]:
                    main_labels[vote["answer_id"]] = vote["class_idx"]
    question.main_votes.update(main_labels.values())


def _row(number: int, kind: str, status: _RoundStatus) -> StatusRow:
    questions = status.questions.values()
    done_questions = [question for question in questions if question.is_done()]
    rate = answers_per_hour(status.times)
    num_missing = sum(max(0, question.num_wanted - question.num_answers) for question in questions)
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
