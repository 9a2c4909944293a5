"""Assignment: which people get which question, where everybody has a project of their own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from reground.annotations.rounds.questions import Question, put_to, shuffled
from reground.tasks.errors import UsageError


def assign(
    asked: Sequence[Question], out: Iterable[Question], people: Sequence[str], overlap: int, seed: int
) -> list[Question]:
    """The questions still to put out, each to people who have the fewest so far.

    Args:
        asked: every question once, put to nobody in particular.
        out: those that are out and need nobody else, as they were put to people.
        people: e-mail addresses.
        overlap: people who are to get each question.
        seed: of the choice between people who have equally many, and of the order of what they are shown.

    Raises:
        UsageError: fewer people than that.
    """
    if len(set(people)) < overlap:
        raise UsageError(
            f"expected at least {overlap} people to put each question to (review.overlap), review.annotators names "
            f"{len(set(people))} whose votes count: `reground review invite EMAIL...` makes accounts, or set "
            "review.overlap lower."
        )
    load = Counter(dict.fromkeys(people, 0))
    have: dict[str, set[str]] = defaultdict(set)
    for question in out:
        load[question.annotator] += 1
        have[question.subject].add(question.annotator)
    made: list[Question] = []
    for question in asked:
        had = have[question.subject]
        drawn = shuffled((person for person in set(people) if person not in had), seed, question.subject)
        for person in sorted(drawn, key=load.__getitem__)[: max(0, overlap - len(had))]:
            load[person] += 1
            made.append(put_to(question, person, seed))
    return made
