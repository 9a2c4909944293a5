"""Planning: which questions a round still needs, with their assignees, controls and gold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from reground.annotations.rounds.assignment import assign, assignees
from reground.annotations.rounds.check import review_faults
from reground.annotations.rounds.controls import add_controls, control_pool, read_controls
from reground.annotations.rounds.gold import GoldPool, Pair, draw_gold_questions, gold_pool
from reground.annotations.rounds.grids import smallest_grid, split_by_grid
from reground.annotations.rounds.projects import ReviewRound
from reground.annotations.rounds.questions import Question, assign_to, classify_questions, contains_questions
from reground.annotations.rounds.selection import select_pairs
from reground.annotations.rounds.settings import ReviewSettings
from reground.annotations.rounds.skips import skipped_assignments
from reground.annotations.rounds.users import UserDirectory, read_users
from reground.tasks.errors import UsageError
from reground.tasks.schema import ClassIdx, ControlRow, ImageId
from reground.tasks.votes import CLASSIFY, CONTAINS, VotePolicy, excluded
from reground.tasks.workspace import raise_faults


@dataclass(frozen=True)
class RoundPlan:
    """The questions to create.

    Attributes:
        questions: with their assignees.
        controls: subject of a question -> its rows of ``controls``.
        tallies: pair -> its votes in words, where a curator is to see them.
        num_left: pairs that CONTAINS leaves to CLASSIFY, as their labels have too few images for a grid.
    """

    questions: list[Question]
    controls: Mapping[str, Sequence[ControlRow]]
    tallies: Mapping[Pair, str] = field(default_factory=dict[Pair, str])
    num_left: int = 0


def plan_round(review_round: ReviewRound, settings: ReviewSettings, policy: VotePolicy) -> RoundPlan:
    """The questions that a round still needs; deterministic, so that a killed push can be resumed.

    Args:
        review_round: the round.
        settings: see `ReviewSettings`.
        policy: which votes count.

    Raises:
        UsageError: settings that `review_faults` names, or that differ from those that the round started with
            (``blind``, ``overlap``).
    """
    raise_faults("review", review_faults(settings))
    workspace, kind, number = review_round.workspace, review_round.kind, review_round.number
    open_questions = [task.question for task in review_round.tasks()]
    _check_continues(review_round, settings)
    min_images = smallest_grid(settings.min_grid, settings.grid)
    pairs = select_pairs(
        workspace, kind, number, settings.selection, settings.limit, policy, min_images, settings.suspects
    )
    subjects = list({question.subject: _without_assignee(question) for question in open_questions}.values())
    plan = (_plan_contains if kind == CONTAINS else _plan_classify)(review_round, settings, pairs, subjects)
    gold = gold_pool(workspace, settings.gold_rate if kind == CLASSIFY else 0.0, number, settings.seed)
    if settings.is_blind:
        existing = subjects if kind == CONTAINS else _questions_on(subjects, pairs)
        questions = _assign(review_round, settings, policy, [*existing, *plan.questions], open_questions, gold)
    else:
        questions = [*plan.questions, *draw_gold_questions(gold, [*open_questions, *plan.questions])]
    return replace(plan, questions=questions)


def _plan_contains(
    review_round: ReviewRound, settings: ReviewSettings, pairs: pd.DataFrame, subjects: Sequence[Question]
) -> RoundPlan:
    controls = read_controls(review_round.workspace)
    existing = [_without_images(question, controls.get(question.subject, {})) for question in subjects]
    pool = control_pool(review_round.workspace, settings.seed)
    num_controls = settings.positive_controls, settings.negative_controls
    grid = settings.grid - (0 if pool.is_empty() else sum(num_controls))
    for_grids, for_classify = _split_new(review_round, settings, pairs, existing)
    new = contains_questions(for_grids, existing, review_round.number, grid, settings.seed)
    image_ids: dict[ClassIdx, set[ImageId]] = defaultdict(set)
    for question in (*existing, *new):
        image_ids[question.class_idxs[0]].update(question.image_ids)
    questions: list[Question] = []
    rows: dict[str, list[ControlRow]] = {}
    for question in new:
        exclude = image_ids[question.class_idxs[0]]
        with_controls, rows[question.subject] = add_controls(question, pool, *num_controls, exclude, settings.seed)
        questions.append(with_controls)
    return RoundPlan(questions, rows, num_left=len(for_classify))


def _split_new(
    review_round: ReviewRound, settings: ReviewSettings, pairs: pd.DataFrame, existing: Sequence[Question]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The pairs that no grid has yet: those for new grids, and those left to CLASSIFY."""
    images = review_round.workspace.read("images", ["image_id", "sha256"])
    content = dict(zip(images["image_id"].tolist(), images["sha256"].tolist(), strict=True))
    covered = {(image_id, question.class_idxs[0]) for question in existing for image_id in question.image_ids}
    keys = zip(pairs["image_id"], pairs["class_idx"], strict=True)
    new = pairs[[key not in covered for key in keys]] if covered else pairs
    return split_by_grid(new, content, smallest_grid(settings.min_grid, settings.grid))


def _plan_classify(
    review_round: ReviewRound, settings: ReviewSettings, pairs: pd.DataFrame, subjects: Sequence[Question]
) -> RoundPlan:
    return RoundPlan(classify_questions(pairs, subjects, review_round.number, settings.seed), {})


def _assign(
    review_round: ReviewRound,
    settings: ReviewSettings,
    policy: VotePolicy,
    questions: Sequence[Question],
    open_questions: Sequence[Question],
    gold: GoldPool,
) -> list[Question]:
    """Assign the questions of a blind round, and add gold to each annotator's."""
    users, excluded_ids = read_users(review_round.workspace), excluded(review_round.workspace, policy)
    excluded_emails = {email for annotator_id in excluded_ids for email in users.addresses(annotator_id)}
    emails = [email for email in assignees(settings) if email not in excluded_emails]
    skipped = skipped_assignments(review_round, open_questions, users)
    staying = [
        question
        for question in _still_assigned(review_round, open_questions, emails, users, excluded_ids)
        if question.annotator not in skipped.get(question.subject, ())
    ]
    assignments = assign(questions, staying, emails, settings.overlap, settings.seed, skipped)
    for email in emails:
        own = [question for question in (*open_questions, *assignments) if question.annotator == email]
        assignments += [assign_to(question, email, settings.seed) for question in draw_gold_questions(gold, own)]
    return assignments


def _still_assigned(
    review_round: ReviewRound,
    questions: Sequence[Question],
    emails: Collection[str],
    users: UserDirectory,
    excluded_ids: Collection[str],
) -> list[Question]:
    """The open questions that need no other assignee.

    A question is reassigned if its assignee is no longer named and has not answered it, or is excluded.
    """
    votes = review_round.workspace.read("votes", ["round", "question", "image_id", "annotator_id"])
    votes = votes[(votes["round"] == review_round.number) & (votes["question"] == review_round.kind)]
    votes = votes[~votes["annotator_id"].isin(excluded_ids)]
    answered_pairs = {
        (email, image_id)
        for annotator_id, image_id in zip(votes["annotator_id"], votes["image_id"], strict=True)
        for email in users.addresses(annotator_id)
    }
    return [
        question
        for question in questions
        if question.annotator in emails or any((question.annotator, i) in answered_pairs for i in question.image_ids)
    ]


def _questions_on(questions: Sequence[Question], pairs: pd.DataFrame) -> list[Question]:
    image_ids = set(pairs["image_id"])
    return [question for question in questions if question.image_ids[0] in image_ids]


def _without_assignee(question: Question) -> Question:
    return replace(question, key=question.subject, annotator="")


def _without_images(question: Question, image_ids: Collection[ImageId]) -> Question:
    return replace(question, image_ids=tuple(i for i in question.image_ids if i not in image_ids))


def _check_continues(review_round: ReviewRound, settings: ReviewSettings) -> None:
    """Check that the round's existing tasks have the same overlap, and are blind or not, as the settings say."""
    current = (settings.is_blind, review_round.overlap)
    modes = {(task.question.annotator != "", task.overlap) for task in review_round.tasks()} - {current}
    if modes:
        was_blind, overlap = next(iter(modes))
        begin = "blind" if was_blind else f"shared, with review.overlap = {overlap},"
        now = "blind" if settings.is_blind else f"shared, with review.overlap = {settings.overlap}"
        raise UsageError(
            f"{review_round.kind}, round {review_round.number} was started {begin} and would go on {now}: go on as it "
            f"was with {_mode_options(was_blind, overlap)}, or start another with --round {review_round.number + 1}."
        )


def _mode_options(is_blind: bool, overlap: int) -> str:
    return "--blind and the same review.annotators" if is_blind else f"--no-blind --overlap {overlap}"
