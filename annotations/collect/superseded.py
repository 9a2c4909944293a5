"""Superseded votes: one person has one vote on a question, an image and a label, whatever the round.

Rounds may ask about a pair again. Of two votes of the same person the later one counts, and ``dropped`` names the
submission that the other one was in.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from reground.annotations.rounds import Task
from reground.tasks.schema import DroppedRow, DropReason, VoteRow, dropped_row
from reground.tasks.votes import QUESTIONS

VoteKey = tuple[str, str, str, int]


def overlapping_batches(batches: Mapping[str, Sequence[Task]]) -> dict[str, list[str]]:
    """Batch -> the other batches that ask the same question about one of its pairs, in order.

    Args:
        batches: name -> tasks.
    """
    names: dict[tuple[str, str, int], set[str]] = defaultdict(set)
    for name, tasks in batches.items():
        for task in tasks:
            if task.kind in QUESTIONS:
                for image_id, class_idx in itertools.product(task.question.image_ids, task.question.class_idxs):
                    names[task.kind, image_id, class_idx].add(name)
    overlaps: dict[str, set[str]] = defaultdict(set)
    for group in {frozenset(group) for group in names.values() if len(group) > 1}:
        for name in group:
            overlaps[name] |= group - {name}
    return {name: sorted(others) for name, others in overlaps.items()}


def latest_votes(
    votes: Sequence[VoteRow], others: Iterable[VoteRow], stage: str
) -> tuple[list[VoteRow], list[DroppedRow]]:
    """The votes of a batch that their annotators have not given again later, and rows of ``dropped`` for the rest.

    Args:
        votes: of the batch.
        others: of the batches that overlap with it.
        stage: of the rows of ``dropped``.
    """
    latest: dict[VoteKey, VoteRow] = {}
    for vote in itertools.chain(votes, others):
        latest[_key(vote)] = max(latest.get(_key(vote), vote), vote, key=_time)
    superseded = Counter(
        (vote["answer_id"], latest[_key(vote)]["answer_id"]) for vote in votes if latest[_key(vote)] is not vote
    )
    dropped = [
        dropped_row(stage, answer_id, DropReason.ANSWER_SUPERSEDED, f"{count:,} of its votes given again in {later}")
        for (answer_id, later), count in sorted(superseded.items())
    ]
    return [vote for vote in votes if latest[_key(vote)] is vote], dropped


def _key(vote: VoteRow) -> VoteKey:
    return vote["annotator_id"], vote["question"], vote["image_id"], vote["class_idx"]


def _time(vote: VoteRow) -> tuple[str, str]:
    return vote["at"] or "", vote["answer_id"]
