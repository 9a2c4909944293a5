"""How far two truths agree: on all labels, by superclass, by group of the workspace and by class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from reground.tasks.images import load_groups
from reground.tasks.kernels.label_sets import LabelPairs, SetAgreement, set_agreement
from reground.tasks.schema import ClassRow
from reground.tasks.votes import Ints
from reground.tasks.workspace import Workspace


@dataclass(frozen=True)
class Score:
    """How far two truths agree on some labels.

    Attributes:
        level: ``all`` labels, or those of a ``superclass``, a ``group`` of the workspace or a ``class``.
        name: of these; empty: all.
        agreement: over the images that either truth gives such a label; of all labels, over all images compared.
    """

    level: str
    name: str
    agreement: SetAgreement


def score_labels(
    workspace: Workspace, pairs: LabelPairs, images: int, resamples: int, seed: int, level: float
) -> list[Score]:
    """The score of all labels, then of every superclass, group and class that either truth names.

    Args:
        workspace: with the classes and groups.
        pairs: the labels.
        images: number of images compared.
        resamples: bootstrap resamples of images.
        seed: of the draws.
        level: of the intervals, 0 to 1.
    """
    whole = Score("all", "", set_agreement(pairs, images, resamples, seed, level))
    order = np.argsort(pairs.label, kind="stable")
    ordered = pairs.label[order]
    scores = [whole]
    for subset, name, members in _subsets(workspace):
        selected = pairs.select(_with_labels(ordered, order, members))
        if len(selected.label):
            scores.append(Score(subset, name, set_agreement(selected, None, resamples, seed, level)))
    return scores


def _subsets(workspace: Workspace) -> Iterator[tuple[str, str, Sequence[int]]]:
    """(level, name, classes) of each subset of the labels."""
    classes: list[ClassRow] = workspace.read("classes").to_dict("records")  # type: ignore[assignment]
    superclasses: dict[str, list[int]] = {}
    for row in load_groups("superclasses", classes)[0]:
        superclasses.setdefault(row["name"], []).append(row["class_idx"])
    groups = workspace.read("groups", ["name", "class_idx"]).groupby("name")["class_idx"]
    yield from (("superclass", name, members) for name, members in superclasses.items())
    yield from (("group", str(name), members.tolist()) for name, members in groups)
    yield from (("class", row["name"], [row["class_idx"]]) for row in classes)


def _with_labels(ordered: Ints, order: Ints, labels: Sequence[int]) -> Ints:
    """Indices of the pairs with some labels, ascending.

    Args:
        ordered: ``(P,)`` labels in order.
        order: ``(P,)`` index of the pair of each.
        labels: that are wanted.
    """
    starts, ends = (np.searchsorted(ordered, labels, side) for side in ("left", "right"))
    spans = [order[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    return np.sort(np.concatenate([order[:0], *spans]))
