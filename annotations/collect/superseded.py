"""Superseded votes: one person has one vote on a question, an image and a label, whatever the round.

Rounds may ask about a pair again. Of two votes of the same person the later one counts, and ``dropped`` names the
submission that the other one was in.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa

from reground.tasks.schema import DroppedRow, DropReason, VoteRow, dropped_row
from reground.tasks.votes import QUESTIONS

PAIR_COLUMNS: Final = ("question", "image_ids", "class_idxs")
VoteKey = tuple[str, str, str, int]


def overlapping_batches(batches: Mapping[str, pa.Table]) -> dict[str, list[str]]:
    """Batch -> the other batches that ask the same question about one of its pairs, in order.

    Args:
        batches: name -> rows of ``questions``, of which `PAIR_COLUMNS` are read.
    """
    names: dict[tuple[str, str, int], set[str]] = defaultdict(set)
    for name, rows in _with_shared_images(batches).items():
        for kind, image_ids, class_idxs in _rows(rows):
            for image_id, class_idx in itertools.product(image_ids, class_idxs):
                names[kind, image_id, class_idx].add(name)
    overlaps: dict[str, set[str]] = defaultdict(set)
    for group in {frozenset(group) for group in names.values() if len(group) > 1}:
        for name in group:
            overlaps[name] |= group - {name}
    return {name: sorted(others) for name, others in overlaps.items()}


def _with_shared_images(batches: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The batches that share an image with another: mostly none, and their pairs need not be compared."""
    images = {
        name: set(itertools.chain.from_iterable(ids for _, ids, _ in _rows(rows))) for name, rows in batches.items()
    }
    counts = Counter(itertools.chain.from_iterable(images.values()))
    shared = {image_id for image_id, count in counts.items() if count > 1}
    return {name: rows for name, rows in batches.items() if not shared.isdisjoint(images[name])}


def _rows(batch: pa.Table) -> Iterator[tuple[str, list[str], list[int]]]:
    """Kind, images and labels of each question that people vote on."""
    rows = zip(*(batch[name].to_pylist() for name in PAIR_COLUMNS), strict=True)
    return (row for row in rows if row[0] in QUESTIONS)


def latest_votes(
    votes: Sequence[VoteRow], others: Iterable[VoteRow], stage: str
) -> tuple[list[VoteRow], list[DroppedRow]]:
    """The votes of a batch that their annotators have not given again later, and rows of ``dropped`` for the rest.

    Args:
        votes: of the batch.
        others: of the batches that overlap with it.
        stage: of the rows of ``dropped``.
    """
    keys = [_key(vote) for vote in votes]
    latest: dict[VoteKey, VoteRow] = {}
    for key, vote in itertools.chain(zip(keys, votes, strict=True), ((_key(vote), vote) for vote in others)):
        latest[key] = max(latest[key], vote, key=_time) if key in latest else vote
    superseded = Counter(
        (vote["answer_id"], latest[key]["answer_id"])
        for key, vote in zip(keys, votes, strict=True)
        if latest[key] is not vote
    )
    dropped = [
        dropped_row(stage, answer_id, DropReason.ANSWER_SUPERSEDED, f"{count:,} of its votes given again in {later}")
        for (answer_id, later), count in sorted(superseded.items())
    ]
    return [vote for key, vote in zip(keys, votes, strict=True) if latest[key] is vote], dropped


def _key(vote: VoteRow) -> VoteKey:
    return vote["annotator_id"], vote["question"], vote["image_id"], vote["class_idx"]


def _time(vote: VoteRow) -> tuple[str, str]:
    return vote["at"] or "", vote["answer_id"]
