"""Status: how far the people are with what they were asked, and when they will be done.

Reads ``questions``, ``answers``, ``controls`` and ``annotators``; writes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from reground.annotations.collect import parse as votes
from reground.annotations.collect import sync as answers
from reground.annotations.collect.parse import Collected
from reground.annotations.collect.sync import Batch
from reground.annotations.collect.votes import projects_there
from reground.annotations.review.push import ReviewSettings, connect
from reground.annotations.rounds import controls
from reground.annotations.rounds.questions import CLASSIFY
from reground.annotations.rounds.task_registry import Task
from reground.tasks.workspace import Workspace

SETTLED: Final = 0.75
"""Share of the votes on a label of an image that must say the same: four of five, but not two of three."""
HOUR: Final = 3600.0


@dataclass
class _Subject:
    """One question: answers wanted and given, and what they say."""

    wanted: int = 0
    given: int = 0
    says: dict[tuple[str, int], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    main: Counter[int | None] = field(default_factory=Counter[int | None])

    def done(self) -> bool:
        return self.given >= self.wanted

    def disagreed(self) -> bool:
        votes = [*self.says.values(), *([self.main] if self.main else [])]
        return any(max(one.values()) < SETTLED * one.total() for one in votes)


@dataclass
class _Progress:
    """One kind of question in one round."""

    subjects: dict[str, _Subject] = field(default_factory=lambda: defaultdict(_Subject))
    people: set[str] = field(default_factory=set[str])
    times: list[float] = field(default_factory=list[float])


def status(workspace: Workspace, settings: ReviewSettings) -> list[dict[str, Any]]:
    """How far the people are by now, as Label Studio has it: a row for each question of each round.

    Returns:
        Rows with ``question``, ``round``; ``tasks`` (a question put to several people in projects of
        their own counts once); ``done`` (as many valid answers as wanted), ``open`` (the others),
        ``disagreed`` (done, and fewer than three quarters of the votes say the same of some label, or of
        which is the main one); ``answers`` (valid ones); ``annotators`` (who gave them);
        ``answers_per_hour`` (over the last hour of activity; None: fewer than two) and ``hours_left``
        (None: no rate).

    Raises:
        RegroundError: Label Studio is not to be had.
    """
    if not workspace.parts("questions"):
        return []
    with connect(workspace, settings) as client:
        there, _ = projects_there(client, workspace)
        return _rows(workspace, settings, answers.fresh(client, workspace, there), client.user_emails())


def shown(row: Mapping[str, Any]) -> dict[str, str]:
    """A row of `status` in words."""
    rate, hours = row["answers_per_hour"], row["hours_left"]
    return {
        "question": str(row["question"]),
        "round": str(row["round"]),
        "done": f"{row['done']:,} of {row['tasks']:,}",
        **{name: f"{row[name]:,}" for name in ("open", "disagreed", "answers", "annotators")},
        "an hour": "-" if rate is None else f"{rate:,.0f}",
        "time left": "-" if hours is None else time_left(hours),
    }


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of `status` for a person to read."""
    if not rows:
        return "nothing was asked yet"
    told = [shown(row) for row in rows]
    lines = [list(told[0]), *(list(row.values()) for row in told)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def time_left(hours: float) -> str:
    """Hours, in the unit that suits them."""
    if hours < 2:
        return f"{60 * hours:.0f} min"
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} days"


def _rows(
    workspace: Workspace, settings: ReviewSettings, batches: Iterable[Batch], people: Mapping[int, str]
) -> list[dict[str, Any]]:
    known, excluded = controls.read(workspace), _excluded(workspace)
    found: dict[tuple[int, str], _Progress] = defaultdict(_Progress)
    for batch in batches:
        for task in batch.tasks:
            given, held = batch.annotations(task), known.get(task.question.subject, {})
            made = votes.collect(task, given, people, settings.recorded_annotators, held)
            progress = found[task.round_number, task.kind]
            wanted = len(made.submissions) if batch.deleted(task) else task.overlap or settings.overlap
            _add(progress, task, wanted, made, excluded)
    return [_row(number, kind, progress) for (number, kind), progress in sorted(found.items())]


def _add(progress: _Progress, task: Task, wanted: int, made: Collected, excluded: Collection[str]) -> None:
    subject = progress.subjects[task.question.subject]
    subject.wanted += wanted
    subject.given += len(made.submissions)
    progress.people.update(row["annotator_id"] for row in made.submissions)
    progress.times.extend(datetime.fromisoformat(row["at"]).timestamp() for row in made.submissions)
    mains: dict[str, int | None] = {}
    for row in made.votes:
        if row["annotator_id"] not in excluded:
            subject.says[row["image_id"], row["class_idx"]][row["answer"]] += 1
            if task.kind == CLASSIFY:
                mains.setdefault(row["answer_id"], None)
                if row["main"]:
                    mains[row["answer_id"]] = row["class_idx"]
    subject.main.update(mains.values())


def _row(number: int, kind: str, progress: _Progress) -> dict[str, Any]:
    subjects = progress.subjects.values()
    done = [subject for subject in subjects if subject.done()]
    rate = per_hour(progress.times)
    still = sum(max(0, subject.wanted - subject.given) for subject in subjects)
    return {
        "question": kind,
        "round": number,
        "tasks": len(subjects),
        "done": len(done),
        "open": len(subjects) - len(done),
        "disagreed": sum(subject.disagreed() for subject in done),
        "answers": sum(subject.given for subject in subjects),
        "annotators": len(progress.people),
        "answers_per_hour": rate,
        "hours_left": still / rate if rate else None,
    }


def per_hour(times: Sequence[float]) -> float | None:
    """Answers an hour over the last hour of activity, from when each was given, in seconds; None: no telling."""
    last = max(times, default=0.0)
    recent = [moment for moment in times if moment >= last - HOUR]
    span = last - min(recent, default=0.0)
    return (len(recent) - 1) / span * HOUR if span > 0 else None


def _excluded(workspace: Workspace) -> set[str]:
    people = workspace.read("annotators", ["annotator_id", "excluded"])
    return set(people.loc[people["excluded"].notna(), "annotator_id"])
