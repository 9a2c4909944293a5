"""Assignment: which annotators get which question, in a blind review where everybody has a project of their own."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from reground.annotations.rounds.questions import Question, assign_to, seeded_shuffle
from reground.annotations.rounds.settings import ReviewSettings
from reground.tasks.errors import UsageError

_EMAIL: Final = re.compile(r"[^@\s/\\\[\]]+@[^@\s/\\\[\]]+")


def assignees(settings: ReviewSettings) -> tuple[str, ...]:
    """E-mail addresses of the annotators with a project of their own; one empty: all share a project.

    Raises:
        UsageError: an address is malformed.
    """
    return tuple(dict.fromkeys(map(normalize_email, settings.annotators))) if settings.is_blind else ("",)


def normalize_email(email: str) -> str:
    """The address in lower case, as Label Studio stores it.

    Raises:
        UsageError: it is malformed.
    """
    if not _EMAIL.fullmatch(email):
        raise UsageError(f"expected an e-mail address such as ann@lab.org, got '{email}'.")
    return email.lower()


def assign(
    questions: Sequence[Question],
    open_questions: Iterable[Question],
    annotators: Sequence[str],
    overlap: int,
    seed: int,
    skipped: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> list[Question]:
    """Assign each question to the annotators who have the fewest so far.

    Args:
        questions: each once, without an assignee.
        open_questions: those assigned already.
        annotators: e-mail addresses.
        overlap: annotators wanted for each question.
        seed: of the choice between annotators with equally many, and of the order of what they see.
        skipped: subject of a question -> annotators who skipped it and are not asked again.

    Returns:
        The assigned questions that are missing.

    Raises:
        UsageError: there are fewer annotators than the overlap.
    """
    if len(set(annotators)) < overlap:
        raise UsageError(
            f"expected at least {overlap} annotators for each question (review.overlap), review.annotators names "
            f"{len(set(annotators))} whose votes count: `reground review invite EMAIL...` creates accounts, "
            "`--overlap N` asks fewer of them, `--no-blind` lets all share one project."
        )
    load = Counter(dict.fromkeys(annotators, 0))
    assigned_to: dict[str, set[str]] = defaultdict(set)
    for question in open_questions:
        load[question.annotator] += 1
        assigned_to[question.subject].add(question.annotator)
    assignments: list[Question] = []
    for question in questions:
        current = assigned_to[question.subject]
        unwilling = {*current, *skipped.get(question.subject, ())}
        free = seeded_shuffle((email for email in set(annotators) if email not in unwilling), seed, question.subject)
        for email in sorted(free, key=load.__getitem__)[: max(0, overlap - len(current))]:
            load[email] += 1
            assignments.append(assign_to(question, email, seed))
    return assignments
