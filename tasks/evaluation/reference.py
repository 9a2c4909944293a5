"""Reference labels as arrays: original labels, people's labels with their probability, selection frequencies.

Reads ``images``, ``original_labels``, ``truth``, ``vote_policy``, ``votes`` and ``annotators``; no image file
is opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks.images import read_original_labels
from reground.tasks.references import OWN
from reground.tasks.schema import ImageState
from reground.tasks.votes import (
    CONTAINS,
    DEFAULT_POLICY,
    VOTE_COLUMNS,
    Bools,
    Floats,
    Ints,
    VotePolicy,
    current_policy,
    encode,
    labels_or_original,
    read_votes,
    selection_frequency,
)
from reground.tasks.workspace import Workspace

TRUTH_COLUMNS: Final = (
    "image_id",
    "original",
    "state",
    "outcome",
    "labels",
    "judged",
    "confidence",
    "shown",
    "main_label",
    "num_objects",
    "routing",
    "method",
    "sources",
)
SHARES: Final = ("selection-frequency",)
"""Methods whose confidence is a share of people; of all others it is a probability."""
EASY: Final = "easy"
NONE: Final = -2
"""In place of a class: no label, or nothing predicted at that rank."""


@dataclass(frozen=True)
class Labels:
    """P labels of N images, ordered by image and class.

    Attributes:
        image: ``(P,)`` index of the image.
        class_idx: ``(P,)``.
        value: ``(P,)`` value of the label, 0 to 1.
    """

    image: Ints
    class_idx: Ints
    value: npt.NDArray[Any]

    def find(self, class_idx: Ints) -> Ints:
        """``(N, ...)`` class of each image -> ``(N, ...)`` index of that label; -1: no such label."""
        rows = np.arange(len(class_idx)).reshape(-1, *[1] * (class_idx.ndim - 1))
        if not len(self.image):
            return np.full(class_idx.shape, -1, np.int64)
        keys = _key(rows, class_idx)
        matches = np.searchsorted(self._keys, keys).clip(max=len(self.image) - 1)
        return np.where(self._keys[matches] == keys, matches, -1)

    def of(self, class_idx: Ints, absent: float = 0.0) -> Floats:
        """``(N, ...)`` class of each image -> the value of that label; ``absent``: no such label."""
        matches = self.find(class_idx)
        return np.where(matches >= 0, np.append(self.value, absent)[matches], absent)

    @cached_property
    def _keys(self) -> Ints:
        return _key(self.image, self.class_idx)


@dataclass(frozen=True)
class ReferenceLabels:
    """N photographs, ordered by image_id.

    Attributes:
        image_ids: their ids.
        original: ``(N,)`` original label; `NONE`: unknown.
        main: ``(N,)`` label of the main object; `NONE`: unknown.
        objects: ``(N,)`` distinct objects; 0: unknown. Easy images (routing) have one.
        settled: ``(N,)`` people settled the labels, and some hold.
        outcome: ``(N,)`` what people decided of the original label, `reground.tasks.schema.Outcome`; empty: nothing.
        probability: of every label that people were asked about, and of original labels of unreviewed images.
        kept: of the same labels, whether it holds (1) or not (0); in images in review none does.
        frequency: selection frequency of every label that people were asked about in CONTAINS.
        reviewed: whether anybody was asked about anything.
        version, sources: of the truth.
        name: of the truth.
    """

    image_ids: pd.Index
    original: Ints
    main: Ints
    objects: Ints
    settled: Bools
    outcome: npt.NDArray[np.object_]
    probability: Labels
    kept: Labels
    frequency: Labels
    reviewed: bool
    version: str
    sources: str
    name: str = OWN

    @cached_property
    def has_labels(self) -> Bools:
        """``(N,)``: some label was kept."""
        return np.bincount(self.kept.image, self.kept.value, len(self.image_ids)) > 0

    @cached_property
    def asked(self) -> Bools:
        """``(N,)``: people were asked CONTAINS about some label."""
        return np.bincount(self.frequency.image, minlength=len(self.image_ids)) > 0


def reference_labels(workspace: Workspace) -> ReferenceLabels:
    """The reference labels of all photographs; votes count by the policy of the truth.

    Raises:
        RegroundError: the truth was made without recording which votes count.
    """
    policy = current_policy(workspace, DEFAULT_POLICY)  # without a truth no metric uses votes
    originals = read_original_labels(workspace)["class_idx"]
    truth = workspace.read_arrow("truth", TRUTH_COLUMNS)
    ids = pd.Index(sorted({*originals.index, *truth["image_id"].to_pylist()}), dtype=object)
    index = ids.get_indexer(pd.Index(truth["image_id"].to_pylist(), dtype=object))
    original = spread(len(ids), ids.get_indexer(originals.index), originals.fillna(NONE).to_numpy(np.int64), NONE)
    state = spread(len(ids), index, np.array(truth["state"].to_pylist(), object), ImageState.UNREVIEWED)
    kept, probability = _labels(truth, index, original, state != ImageState.IN_REVIEW, policy.keep)
    has_label = np.bincount(kept.image, kept.value, len(ids)) > 0
    return ReferenceLabels(
        ids,
        original,
        main=spread(len(ids), index, _whole(truth["main_label"], NONE), NONE),
        objects=spread(len(ids), index, _objects(truth), 0),
        settled=(state == ImageState.SETTLED) & has_label,
        outcome=spread(len(ids), index, np.array([name or "" for name in truth["outcome"].to_pylist()], object), ""),
        probability=probability,
        kept=kept,
        frequency=_selection_frequency(workspace, policy, ids),
        reviewed=bool((state != ImageState.UNREVIEWED).any()),
        version=workspace.table_digest("truth")[:12],
        sources=",".join(sorted(set(flatten(truth["sources"]).unique().to_pylist()))),
    )


def spread(size: int, index: Ints, values: npt.NDArray[Any], default: Any) -> npt.NDArray[Any]:
    """``values`` at their places among ``size``; those without a place (-1) are left out."""
    array = np.full((size, *values.shape[1:]), default, values.dtype)
    array[index[index >= 0]] = values[index >= 0]
    return array


def _whole(column: Any, default: int) -> Ints:
    return pc.fill_null(column, default).to_numpy().astype(np.int64)


def _objects(truth: pa.Table) -> Ints:
    """Distinct objects; one where nobody had to count them, no label but the original being confident."""
    easy = np.array(truth["routing"].to_pylist(), object) == EASY
    counted = _whole(truth["num_objects"], 0)
    return np.where((counted == 0) & easy, 1, counted)


def _labels(truth: pa.Table, index: Ints, original: Ints, decided: Bools, keep: float) -> tuple[Labels, Labels]:
    """Which labels hold, and how probable each is; ``decided``: ``(N,)`` the images that are not in review."""
    image, class_idx = _flat(truth["judged"], index)
    kept_image, kept_class = _flat(pa.chunked_array([labels_or_original(truth)]), index)
    kept_image, kept_class = kept_image[decided[kept_image]], kept_class[decided[kept_image]]
    confidence = flatten(truth["confidence"]).to_numpy().astype(np.float64)
    shown = flatten(truth["shown"]).to_numpy().astype(np.float64)
    kept = np.isin(_key(image, class_idx), _key(kept_image, kept_class))
    methods = set(truth["method"].to_pylist())
    if methods and methods <= set(SHARES):
        # Imports SciPy, which few commands need.
        from reground.tasks.kernels.label_probability import holding_probability

        stratum = (original[image] == class_idx).astype(np.int64)
        confidence = holding_probability(confidence, np.maximum(shown, 1), keep, stratum)
    unasked = ~np.isin(_key(kept_image, kept_class), _key(image, class_idx))
    image = np.concatenate([image, kept_image[unasked]])
    class_idx = np.concatenate([class_idx, kept_class[unasked]])
    certain = np.ones(int(unasked.sum()))
    order = np.lexsort((class_idx, image))
    order = order[class_idx[order] >= 0]
    return (
        Labels(image[order], class_idx[order], np.concatenate([kept, certain])[order]),
        Labels(image[order], class_idx[order], np.concatenate([confidence, certain])[order]),
    )


def _flat(lists: Any, index: Ints) -> tuple[Ints, Ints]:
    """Lists of classes as (image, class), in order."""
    return np.repeat(index, lengths(lists)), flatten(lists).to_numpy().astype(np.int64)


def lengths(lists: Any) -> Ints:
    """``(N,)`` length of each list of a column."""
    return lists.combine_chunks().value_lengths().to_numpy().astype(np.int64)


def flatten(lists: Any) -> Any:
    """The elements of a column's lists, in order."""
    return lists.combine_chunks().flatten()


def _key(image: Ints, class_idx: Ints) -> Ints:
    return image * 2**32 + class_idx - NONE


def _selection_frequency(workspace: Workspace, policy: VotePolicy, ids: pd.Index) -> Labels:
    """How often people select each label in CONTAINS."""
    votes = encode(read_votes(workspace, policy, VOTE_COLUMNS, CONTAINS))
    image = ids.get_indexer(pd.Index(votes.image_ids, dtype=object))[votes.image]
    known = (image >= 0) & (votes.label >= 0)
    return Labels(image[known], votes.label[known], selection_frequency(votes)[0][known])
