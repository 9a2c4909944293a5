"""Planning a round: which questions are still to be put out, to whom, with which controls and gold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from reground.annotations.collect import exclusion
from reground.annotations.review.invite import check_email
from reground.annotations.rounds import assignment, controls, gold, questions
from reground.annotations.rounds import selection as asking
from reground.annotations.rounds.projects import Round
from reground.annotations.rounds.questions import CLASSIFY, CONTAINS, Question
from reground.annotations.rounds.settings import ReviewSettings
from reground.tasks.errors import UsageError
from reground.tasks.schema import ClassIdx, ImageId

Row = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """Questions to put out, and the rows of ``controls`` for each subject that has some."""

    questions: list[Question]
    controls: Mapping[str, Sequence[Row]]


def plan(of: Round, settings: ReviewSettings) -> Plan:
    """What a round still lacks; the same again gives what is left of it.

    Raises:
        UsageError: no such way of asking; a number out of range; or the round was begun otherwise:
            with or without projects of their own, or with another overlap.
    """
    _check(settings)
    out = [task.question for task in of.tasks()]
    _same_way(of, settings)
    pairs = asking.pairs(of.workspace, of.kind, of.number, settings.ask, settings.limit)
    subjects = list({question.subject: _to_nobody(question) for question in out}.values())
    new, rows = (_contains if of.kind == CONTAINS else _classify)(of, settings, pairs, subjects)
    known = gold.prepare(of.workspace, settings.gold_rate if of.kind == CLASSIFY else 0.0, of.number, settings.seed)
    if not settings.blind:
        return Plan([*new, *gold.hidden(known, [*out, *new])], rows)
    again = subjects if of.kind == CONTAINS else _about(subjects, pairs)
    excluded = {annotator_id.partition(":")[2] for annotator_id in exclusion.excluded(of.workspace)}
    people = [person for person in whom(settings) if person not in excluded]
    counted = _counted(of, out, people, excluded)
    made = assignment.assign([*again, *new], counted, people, settings.overlap, settings.seed)
    for person in people:
        own = [question for question in (*out, *made) if question.annotator == person]
        made += [questions.put_to(question, person, settings.seed) for question in gold.hidden(known, own)]
    return Plan(made, rows)


def whom(settings: ReviewSettings) -> tuple[str, ...]:
    """E-mail addresses of those who get questions of their own; one empty: whoever comes.

    Raises:
        UsageError: one is none.
    """
    return tuple(dict.fromkeys(map(check_email, settings.annotators))) if settings.blind else ("",)


def _contains(
    of: Round, settings: ReviewSettings, pairs: pd.DataFrame, out: Sequence[Question]
) -> tuple[list[Question], dict[str, list[Row]]]:
    known = controls.read(of.workspace)
    asked = [_without(question, known.get(question.subject, {})) for question in out]
    pools = controls.pools(of.workspace, settings.seed)
    room = settings.grid
    if pools.yes or pools.no or pools.clear:
        room -= settings.positive_controls + settings.negative_controls
    new = questions.contains(pairs, asked, of.number, room, settings.seed)
    shown: dict[ClassIdx, set[ImageId]] = defaultdict(set)
    for question in (*asked, *new):
        shown[question.class_idxs[0]].update(question.image_ids)
    made: list[Question] = []
    rows: dict[str, list[Row]] = {}
    for question in new:
        about = shown[question.class_idxs[0]]
        wanted = settings.positive_controls, settings.negative_controls
        mixed, rows[question.subject] = controls.add(question, pools, *wanted, about, settings.seed)
        made.append(mixed)
    return made, rows


def _classify(
    of: Round, settings: ReviewSettings, pairs: pd.DataFrame, out: Sequence[Question]
) -> tuple[list[Question], dict[str, list[Row]]]:
    return questions.classify(pairs, out, of.number, settings.seed), {}


def _about(out: Sequence[Question], pairs: pd.DataFrame) -> list[Question]:
    images = set(pairs["image_id"])
    return [question for question in out if question.image_ids[0] in images]


def _counted(of: Round, out: Sequence[Question], people: Collection[str], excluded: Collection[str]) -> list[Question]:
    """Of the questions that are out, those that need nobody else.

    What was put to somebody who is no longer asked goes to another, unless it was answered; what was
    put to somebody excluded goes to another in any case.
    """
    votes = of.workspace.read("votes", ["round", "question", "image_id", "annotator_id"])
    votes = votes[(votes["round"] == of.number) & (votes["question"] == of.kind)]
    names = votes["annotator_id"].str.partition(":")[2] if len(votes) else votes["annotator_id"]
    answered = {pair for pair in zip(names, votes["image_id"], strict=True) if pair[0] not in excluded}
    return [
        question
        for question in out
        if question.annotator in people or any((question.annotator, i) in answered for i in question.image_ids)
    ]


def _to_nobody(question: Question) -> Question:
    return replace(question, key=question.subject, annotator="")


def _without(question: Question, left_out: Mapping[ImageId, str]) -> Question:
    return replace(question, image_ids=tuple(i for i in question.image_ids if i not in left_out))


def _check(settings: ReviewSettings) -> None:
    least = {"overlap": 1, "grid": 1, "batch_size": 1, "limit": 0, "positive_controls": 0, "negative_controls": 0}
    for name, bound in least.items():
        if getattr(settings, name) < bound:
            raise UsageError(f"expected review.{name} to be at least {bound}, got {getattr(settings, name)}")
    placed = settings.positive_controls + settings.negative_controls
    if placed >= settings.grid:
        raise UsageError(
            f"expected room for questions beside {placed} control images (review.positive_controls and "
            f"review.negative_controls) in a grid of {settings.grid} (review.grid): set one of them otherwise."
        )


def _same_way(of: Round, settings: ReviewSettings) -> None:
    begun = {(task.question.annotator != "", task.overlap) for task in of.tasks()}
    if begun - {(settings.blind, of.overlap)}:
        blind, overlap = next(iter(begun - {(settings.blind, of.overlap)}))
        raise UsageError(
            f"{of.kind}, round {of.number} was begun with review.blind = {str(blind).lower()}"
            f"{'' if blind else f' and review.overlap = {overlap}'}, now they are {str(settings.blind).lower()} and "
            f"{settings.overlap}: set them back, or ask anew with another review.round."
        )
