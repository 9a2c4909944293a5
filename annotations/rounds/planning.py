"""Planning a round: which questions are still to be put out, to whom, with which controls and gold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from reground.annotations.rounds.assignment import assign, assignees
from reground.annotations.rounds.check import review_faults
from reground.annotations.rounds.controls import add_controls, control_pool, read_controls
from reground.annotations.rounds.gold import draw_gold_questions, gold_pool
from reground.annotations.rounds.projects import ReviewRound
from reground.annotations.rounds.questions import (
    Question,
    assign_to,
    classify_questions,
    contains_questions,
)
from reground.annotations.rounds.selection import select_pairs
from reground.annotations.rounds.settings import ReviewSettings
from reground.tasks.errors import UsageError
from reground.tasks.schema import ClassIdx, ControlRow, ImageId
from reground.tasks.votes import CLASSIFY, CONTAINS, VotePolicy, excluded
from reground.tasks.workspace import raise_faults


@dataclass(frozen=True)
class RoundPlan:
    """Questions to put out, and the rows of ``controls`` for each subject that has some."""

    questions: list[Question]
    controls: Mapping[str, Sequence[ControlRow]]


def plan_round(of: ReviewRound, settings: ReviewSettings, policy: VotePolicy) -> RoundPlan:
    """What a round still lacks; the same again gives what is left of it.

    Args:
        of: the round.
        settings: see `ReviewSettings`.
        policy: which votes count.

    Raises:
        UsageError: settings that `review_faults` names; or the round was begun otherwise:
            with or without projects of their own, or with another overlap.
    """
    raise_faults("review", review_faults(settings))
    out = [task.question for task in of.tasks()]
    _same_way(of, settings)
    pairs = select_pairs(of.workspace, of.kind, of.number, settings.selection, settings.limit, policy)
    subjects = list({question.subject: _to_nobody(question) for question in out}.values())
    new, rows = (_contains if of.kind == CONTAINS else _classify)(of, settings, pairs, subjects)
    known = gold_pool(of.workspace, settings.gold_rate if of.kind == CLASSIFY else 0.0, of.number, settings.seed)
    if not settings.blind:
        return RoundPlan([*new, *draw_gold_questions(known, [*out, *new])], rows)
    again = subjects if of.kind == CONTAINS else _about(subjects, pairs)
    excluded_names = {annotator_id.partition(":")[2] for annotator_id in excluded(of.workspace, policy)}
    people = [person for person in assignees(settings) if person not in excluded_names]
    counted = _counted(of, out, people, excluded_names)
    made = assign([*again, *new], counted, people, settings.overlap, settings.seed)
    for person in people:
        own = [question for question in (*out, *made) if question.annotator == person]
        made += [assign_to(question, person, settings.seed) for question in draw_gold_questions(known, own)]
    return RoundPlan(made, rows)


def _contains(
    of: ReviewRound, settings: ReviewSettings, pairs: pd.DataFrame, out: Sequence[Question]
) -> tuple[list[Question], dict[str, list[ControlRow]]]:
    known = read_controls(of.workspace)
    asked = [_without(question, known.get(question.subject, {})) for question in out]
    pools = control_pool(of.workspace, settings.seed)
    room = settings.grid
    if not pools.is_empty():
        room -= settings.positive_controls + settings.negative_controls
    new = contains_questions(pairs, asked, of.number, room, settings.seed)
    shown: dict[ClassIdx, set[ImageId]] = defaultdict(set)
    for question in (*asked, *new):
        shown[question.class_idxs[0]].update(question.image_ids)
    made: list[Question] = []
    rows: dict[str, list[ControlRow]] = {}
    for question in new:
        about = shown[question.class_idxs[0]]
        wanted = settings.positive_controls, settings.negative_controls
        mixed, rows[question.subject] = add_controls(question, pools, *wanted, about, settings.seed)
        made.append(mixed)
    return made, rows


def _classify(
    of: ReviewRound, settings: ReviewSettings, pairs: pd.DataFrame, out: Sequence[Question]
) -> tuple[list[Question], dict[str, list[ControlRow]]]:
    return classify_questions(pairs, out, of.number, settings.seed), {}


def _about(out: Sequence[Question], pairs: pd.DataFrame) -> list[Question]:
    images = set(pairs["image_id"])
    return [question for question in out if question.image_ids[0] in images]


def _counted(
    of: ReviewRound, out: Sequence[Question], people: Collection[str], excluded: Collection[str]
) -> list[Question]:
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


def _same_way(of: ReviewRound, settings: ReviewSettings) -> None:
    begun = {(task.question.annotator != "", task.overlap) for task in of.tasks()}
    if begun - {(settings.blind, of.overlap)}:
        blind, overlap = next(iter(begun - {(settings.blind, of.overlap)}))
        raise UsageError(
            f"{of.kind}, round {of.number} was begun with review.blind = {str(blind).lower()}"
            f"{'' if blind else f' and review.overlap = {overlap}'}, now they are {str(settings.blind).lower()} and "
            f"{settings.overlap}: set them back, or ask anew with another review.round."
        )
