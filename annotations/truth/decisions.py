"""Decisions in the truth: a label that a curator decided holds or does not, whatever the votes on it say.

Held-out sources and excluded annotators concern votes alone: every decision counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from reground.tasks.kernels.label_state import JudgedLabels
from reground.tasks.votes import YES, VoteArrays

Pair = tuple[str, int]


def with_pairs(votes: VoteArrays, pairs: Mapping[Pair, str]) -> VoteArrays:
    """The same votes, on their pairs and on those of ``pairs`` that have none."""
    if not pairs:
        return votes
    image_ids = sorted({*votes.image_ids, *(image_id for image_id, _ in pairs)})
    places = {image_id: place for place, image_id in enumerate(image_ids)}
    image = np.array([places[image_id] for image_id in votes.image_ids], np.int64)[votes.image]
    new_image = np.array([places[image_id] for image_id, _ in pairs], np.int64)
    new_label = np.array([label for _, label in pairs], np.int64)
    width = int(max(votes.label.max(initial=0), new_label.max(initial=0))) + 2
    codes = np.concatenate([image, new_image]) * width + np.concatenate([votes.label, new_label]) + 1
    unique, place = np.unique(codes, return_inverse=True)  # a label may be -1
    return replace(
        votes,
        image_ids=image_ids,
        image=unique // width,
        label=unique % width - 1,
        pair=place[: len(votes.label)].astype(np.int64)[votes.pair],
    )


def with_decisions(
    votes: VoteArrays, labels: JudgedLabels, original_labels: Mapping[str, int | None], decisions: Mapping[Pair, str]
) -> tuple[VoteArrays, JudgedLabels]:
    """Votes and labels with every decided pair, whose confidence is 1 or 0.

    Args:
        votes: that count.
        labels: what a method makes of them.
        original_labels: image_id -> label; None: unknown.
        decisions: pair of image and label -> yes or no.
    """
    if not decisions:
        return votes, labels
    wide = with_pairs(votes, decisions)
    answers = [
        decisions.get((wide.image_ids[image], label))
        for image, label in zip(wide.image.tolist(), wide.label.tolist(), strict=True)
    ]
    decided = np.array([answer is not None for answer in answers], np.bool_)
    valid = np.array([answer == YES for answer in answers], np.float64)
    known = np.isin(_codes(wide, wide), _codes(votes, wide))
    confidence, frequency = np.zeros(len(wide.label)), np.zeros(len(wide.label))
    annotators = np.zeros(len(wide.label), labels.annotators.dtype)
    confidence[known], frequency[known], annotators[known] = labels.confidence, labels.frequency, labels.annotators
    original = [original_labels.get(image_id) for image_id in wide.image_ids]
    is_original = np.array(
        [original[image] == label for image, label in zip(wide.image.tolist(), wide.label.tolist(), strict=True)],
        np.bool_,
    )
    return wide, JudgedLabels(
        wide.image,
        is_original,
        np.where(decided, valid, confidence),
        np.where(decided & (annotators == 0), valid, frequency),
        annotators,
        decided,
    )


def _codes(votes: VoteArrays, wide: VoteArrays) -> np.ndarray:
    """One number a pair, the same in both."""
    places = {image_id: place for place, image_id in enumerate(wide.image_ids)}
    image = np.array([places[image_id] for image_id in votes.image_ids], np.int64)[votes.image]
    return image * (int(wide.label.max(initial=0)) + 2) + votes.label + 1
