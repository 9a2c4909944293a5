"""Questions for a curator: the disputed labels of each image, put to one person."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from reground.annotations.rounds.disputes import Dispute
from reground.annotations.rounds.planning import RoundPlan
from reground.annotations.rounds.projects import ReviewRound
from reground.annotations.rounds.questions import Question, assign_to
from reground.annotations.rounds.settings import ReviewSettings
from reground.tasks.schema import AnnotatorId, ClassIdx, ImageId
from reground.tasks.votes import DECIDE


def plan_decisions(
    review_round: ReviewRound,
    settings: ReviewSettings,
    disputes: Sequence[Dispute],
    curator: str,
    own_ids: Collection[AnnotatorId],
    show_votes: bool,
) -> RoundPlan:
    """The questions that a curator lacks: one for each image, with its disputed labels.

    Args:
        review_round: of the kind decide.
        settings: limit (number of images) and seed.
        disputes: pairs in the order of their priority.
        curator: address of who is asked.
        own_ids: the curator's annotator ids; pairs with votes of theirs are left out.
        show_votes: give the tally of the votes with each label.
    """
    open_disputes = [dispute for dispute in disputes if not has_voted(dispute, own_ids)]
    image_ids = list(dict.fromkeys(dispute.image_id for dispute in open_disputes))[: settings.limit or None]
    questions = [task.question for task in review_round.tasks() if task.question.annotator == curator]
    covered = {(image_id, label) for q in questions for image_id in q.image_ids for label in q.class_idxs}
    numbers = Counter(question.image_ids[0] for question in questions)
    labels: dict[ImageId, list[ClassIdx]] = defaultdict(list)
    for dispute in open_disputes:
        if (dispute.image_id, dispute.class_idx) not in covered:
            labels[dispute.image_id].append(dispute.class_idx)
    new = [
        Question(f"{DECIDE}:{review_round.number}:{image_id}:{numbers[image_id]}", (image_id,), tuple(labels[image_id]))
        for image_id in image_ids
        if image_id in labels
    ]
    tallies = {(dispute.image_id, dispute.class_idx): dispute.tally() for dispute in disputes} if show_votes else {}
    return RoundPlan([assign_to(question, curator, settings.seed) for question in new], {}, tallies)


def has_voted(dispute: Dispute, annotator_ids: Collection[AnnotatorId]) -> bool:
    """Whether one of these annotators voted on the pair."""
    return any(annotator_id in annotator_ids for voters in dispute.voters.values() for annotator_id in voters)
