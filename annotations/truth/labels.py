"""Rows of ``truth``: of each image its state, outcome, labels and routing (Tsipras et al. 2020, section 3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from reground.annotations.truth import strata
from reground.annotations.truth.decisions import with_decisions
from reground.annotations.truth.methods import METHODS, evidence
from reground.annotations.truth.settings import TruthSettings
from reground.tasks.kernels.label_state import JudgedLabels, settled, undecided
from reground.tasks.schema import ImageState, Outcome
from reground.tasks.votes import (
    VoteArrays,
    selection_frequency,
)


def label_rows(
    votes: VoteArrays,
    images: pd.DataFrame,
    animals: set[int],
    settings: TruthSettings,
    decisions: Mapping[tuple[str, int], str] = MappingProxyType({}),
) -> dict[str, dict[str, Any]]:
    """image_id -> its row of ``truth``, but for main label and objects, of every image with votes or decisions.

    Args:
        votes: that count.
        images: as `strata.known_images` gives them.
        animals: as `strata.animal_classes` gives them.
        settings: the method and the thresholds.
        decisions: pair of image and label -> yes or no, of pairs that a curator decided.
    """
    images_by_id = {str(image["image_id"]): image for image in records(images)}
    original_labels = {image_id: image["original"] for image_id, image in images_by_id.items()}
    labels = judge(votes, original_labels, animals, settings.method)
    votes, labels = with_decisions(votes, labels, original_labels, decisions)
    by_curator, holds = labels.by_curator(), labels.hold(settings.keep)
    pending = undecided(labels, settings.min_annotators, settings.ratio, settings.keep)
    original_known = np.array([original_labels[image_id] is not None for image_id in votes.image_ids], np.bool_)
    is_settled = settled(labels, pending, original_known, settings.min_annotators)
    frequency, num_shown = selection_frequency(votes, votes.contains)
    count = np.bincount(votes.image[votes.pair], minlength=len(votes.image_ids))
    sources = _sources(votes)
    rows: dict[str, dict[str, Any]] = {}
    for n, (image_id, span) in enumerate(_spans(votes)):
        order = span.start + np.lexsort((votes.label[span], -labels.confidence[span]))
        grids = zip(votes.label[span].tolist(), frequency[span].tolist(), num_shown[span].tolist(), strict=True)
        contains = {label: (share, number) for label, share, number in grids if number}
        kept = order[holds[order]]
        rows[image_id] = {
            **_row(images_by_id[image_id], contains, settings),
            **_conclusion(original_labels[image_id], votes.label[kept].tolist(), bool(is_settled[n])),
            "undecided": votes.label[order[pending[order]]].tolist(),
            "decided": votes.label[order[by_curator[order]]].tolist(),
            "judged": votes.label[order].tolist(),
            "confidence": labels.confidence[order].tolist(),
            "shown": labels.annotators[order].tolist(),
            "votes": int(count[n]),
            "sources": sources[n],
        }
    return rows


def judge(votes: VoteArrays, original_labels: Mapping[str, int | None], animals: set[int], method: str) -> JudgedLabels:
    """What a method makes of the votes on each pair."""
    is_original = strata.is_original(votes, original_labels)
    confidence = METHODS[method](votes, strata.strata(votes, original_labels, animals), is_original)
    frequency, annotators = selection_frequency(votes, evidence(votes, method))
    return JudgedLabels(votes.image, is_original, confidence, frequency, annotators)


def _row(
    image: Mapping[str, Any], contains: Mapping[int, tuple[float, int]], settings: TruthSettings
) -> dict[str, Any]:
    original = image["original"]
    return {
        "image_id": image["image_id"],
        "original": original,
        "routing": route(original, contains, settings) if contains else image["routing"] or "unreviewed",
        "method": settings.method,
    }


def _conclusion(original: int | None, kept: list[int], is_settled: bool) -> dict[str, Any]:
    """State, outcome and labels: labels that are not settled are not known."""
    if not is_settled:
        return {"state": ImageState.IN_REVIEW, "outcome": None, "labels": None}
    return {"state": ImageState.SETTLED, "outcome": outcome(original, kept), "labels": kept}


def route(original: int | None, contains: Mapping[int, tuple[float, int]], settings: TruthSettings) -> str:
    """The published routing after CONTAINS (protocol: notebook of ImageNetMultiLabel).

    Args:
        original: label; None: unknown.
        contains: label -> (selection frequency in CONTAINS, people asked).
        settings: the thresholds.

    Returns:
        ``easy``: the original label is the only confident one. ``several``: others are too, ask
        CLASSIFY. ``too_few_workers``; ``never_selected``: nobody selected the original label;
        ``unreviewed``: it was not asked about.
    """
    if original is None or original not in contains:
        return "unreviewed"
    base, people = contains[original]
    if people < settings.min_annotators:
        return "too_few_workers"
    if base == 0:
        return "never_selected"
    confident = (
        number >= settings.min_annotators and frequency >= settings.ratio * base
        for label, (frequency, number) in contains.items()
        if label != original
    )
    return "several" if any(confident) else "easy"


def outcome(original: int | None, labels: Sequence[int]) -> Outcome:
    """What became of the original label of a settled image.

    Args:
        original: label; None: unknown.
        labels: that hold.

    Examples:
        >>> [str(outcome(7, labels)) for labels in ([7], [7, 3], [3], [])], str(outcome(None, [3]))
        (['confirmed', 'extended', 'changed', 'empty'], 'labelled')
    """
    if not labels:
        return Outcome.EMPTY
    if original is None:
        return Outcome.LABELLED
    if original not in labels:
        return Outcome.CHANGED
    return Outcome.CONFIRMED if len(labels) == 1 else Outcome.EXTENDED


def unreviewed(image: Mapping[str, Any], settings: TruthSettings) -> dict[str, Any]:
    """The row of an image that nobody was asked about."""
    empty: dict[str, Any] = {name: [] for name in ("undecided", "decided", "judged", "confidence", "shown", "sources")}
    return {
        **_row(image, {}, settings),
        "state": ImageState.UNREVIEWED,
        "outcome": None,
        "labels": None,
        **empty,
        "votes": 0,
    }


def _sources(votes: VoteArrays) -> list[list[str]]:
    """Of each image, the distinct sources of its votes."""
    width = len(votes.sources) + 1
    sources: list[list[str]] = [[] for _ in votes.image_ids]
    for code in np.unique(votes.image[votes.pair] * width + votes.source).tolist():
        sources[code // width].append(votes.sources[code % width])
    return sources


def _spans(votes: VoteArrays) -> Iterator[tuple[str, slice]]:
    """Each image with where its pairs are."""
    starts = votes.starts()
    for n, image_id in enumerate(votes.image_ids):
        yield image_id, slice(int(starts[n]), int(starts[n + 1]))


def records(images: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The images of `strata.known_images` with plain values."""
    columns = (images[name] for name in ("image_id", "original", "routing"))
    for image_id, original, routing in zip(*columns, strict=True):
        yield {
            "image_id": str(image_id),
            "original": None if pd.isna(original) else int(original),
            "routing": None if pd.isna(routing) else str(routing),
        }
