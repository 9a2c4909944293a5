"""What people say of labels that they judged on one image."""

# pyright: reportAttributeAccessIssue=false
# pyarrow registers its compute functions when it is imported.

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc

from reground.tasks.kernels.agreement import agreement
from reground.tasks.kernels.class_pairs import CoSelections, co_selections, two_of_an_image
from reground.tasks.schema import ImageState
from reground.tasks.votes import ANSWERS, VOTE_COLUMNS, encode, read_votes, truth_policy
from reground.tasks.workspace import Workspace

COLUMNS: Final = ("state", "judged", "labels", "objects", "isolated")

Pair = tuple[int, int]


def read_co_selections(workspace: Workspace) -> CoSelections:
    """Co-selections on the images that people have settled; an image without votes is not among them."""
    truth = workspace.read_arrow("truth", COLUMNS).filter(pc.field("state") == ImageState.SETTLED)
    columns = zip(*(truth[name].to_pylist() for name in COLUMNS[1:]), strict=True)
    rows = [(n, *row) for n, cells in enumerate(columns) for row in _labels(*cells)]
    table = np.array(rows, np.int64).reshape(-1, 4)
    return co_selections(table[:, 0], table[:, 1], table[:, 2] > 0, table[:, 3])


def _labels(
    judged: Sequence[int], labels: Collection[int], objects: Sequence[Sequence[int]], isolated: Collection[int]
) -> Iterable[tuple[int, bool, int]]:
    """Label, whether people accept it, and the object it names; -1: not known, or a guess."""
    named = {label: n for n, names in enumerate(objects) for label in names if label not in isolated}
    return ((label, label in labels, named.get(label, -1)) for label in sorted(set(judged)) if label >= 0)


def read_agreement(workspace: Workspace, pairs: Collection[Pair]) -> Mapping[Pair, float]:
    """Krippendorff's alpha of the answers to both labels of each pair, on the images where both have answers.

    Pairs of which it is not defined (one answer each, or answers of one kind alone) are left out.
    """
    if not workspace.count("votes"):
        return {}
    votes = encode(read_votes(workspace, truth_policy(workspace), VOTE_COLUMNS))
    counts = _counts(votes.pair, votes.answer, len(votes.label))
    first, second = two_of_an_image(votes.image)
    width = int(votes.label.max(initial=0)) + 2  # a label may be -1
    keys = votes.label[first] * width + votes.label[second]
    order = np.argsort(keys, kind="stable")
    keys, first, second = keys[order], first[order], second[order]
    alphas: dict[Pair, float] = {}
    for pair in pairs:
        start, end = np.searchsorted(keys, pair[0] * width + pair[1] + np.arange(2))
        alpha = agreement(counts[np.concatenate([first[start:end], second[start:end]])]).alpha
        if not math.isnan(alpha):
            alphas[pair] = alpha
    return alphas


def _counts(pair: Any, answer: Any, size: int) -> Any:
    """``(P, 3)`` answers of each kind to each label of an image."""
    kinds = len(ANSWERS)
    return np.bincount(pair * kinds + answer, minlength=size * kinds).reshape(size, kinds)
