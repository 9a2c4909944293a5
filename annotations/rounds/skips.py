"""Skips of assigned questions: whom a blind round should not ask the same again. Reads ``skips``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from reground.annotations.rounds.projects import ReviewRound
from reground.annotations.rounds.questions import Question
from reground.annotations.rounds.users import UserDirectory


def skipped_assignments(
    review_round: ReviewRound, questions: Sequence[Question], users: UserDirectory
) -> Mapping[str, set[str]]:
    """Subject of a question -> addresses of the assignees who skipped it and have not answered since.

    Args:
        review_round: the round.
        questions: with their assignees.
        users: who the annotators are.
    """
    assigned = {question.key: question for question in questions if question.annotator}
    skips = review_round.workspace.read_arrow("skips", ("round", "question", "key", "annotator_id")).to_pylist()
    addresses: dict[str, set[str]] = defaultdict(set)
    for row in skips:
        question = assigned.get(row["key"])
        is_own_round = (row["round"], row["question"]) == (review_round.number, review_round.kind)
        if question and is_own_round and question.annotator in users.addresses(row["annotator_id"]):
            addresses[question.subject].add(question.annotator)
    return addresses
