"""Compare any two truths: how far their labels agree, what differs on which image, and why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from reground.annotations.truth.scores import Score, score_labels
from reground.annotations.truth.sides import VERSION, Rows, Side, SideRow, open_side
from reground.tasks.kernels.intervals import Estimate
from reground.tasks.kernels.label_sets import LabelPairs, disagreement, pair_labels
from reground.tasks.votes import Ints
from reground.tasks.workspace import Workspace

SHARED: Final = ("labels",)
"""Columns that any two truths have."""
OF_VERSIONS: Final = ("state", "outcome", "labels", "main_label", "num_objects")
"""Columns that two versions of the own truth have."""


@dataclass(frozen=True)
class Change:
    """An image on which two truths differ.

    Attributes:
        image_id: of the image.
        first, second: what either truth says of it; None: it has no such image.
        disagreement: how much of its labels only one truth has, 0 to 1; 0: other columns differ, or a truth has not
            settled its labels.
        kind: how the labels differ, in words.
        why: the reasons that may have done it, see `diff`; empty: the truths are not two versions.
    """

    image_id: str
    first: Mapping[str, Any] | None
    second: Mapping[str, Any] | None
    disagreement: float
    kind: str
    why: list[str]


@dataclass(frozen=True)
class Diff:
    """Two truths side by side.

    Attributes:
        first, second: the two.
        settings: name -> its two values, where those of two versions differ.
        compared: images whose labels both have settled; the scores are over these.
        only_first, only_second: settled images of either that the other lacks or has not settled.
        unchanged: images of which nothing differs.
        scores: of all labels, by superclass, by group and by class.
        changes: the images that differ, those that disagree most first.
    """

    first: Side
    second: Side
    settings: Mapping[str, tuple[Any, Any]]
    compared: int
    only_first: int
    only_second: int
    unchanged: int
    scores: list[Score]
    changes: list[Change]

    def transitions(self) -> Counter[tuple[str, str]]:
        """Outcome, or state of an image that is not settled, in both versions -> images changed."""
        return Counter((_stage(change.first), _stage(change.second)) for change in self.changes)

    def reasons(self) -> Counter[str]:
        """Reason -> images changed."""
        return Counter(reason for change in self.changes for reason in change.why)

    def kinds(self) -> Counter[str]:
        """How the labels differ -> images."""
        return Counter(change.kind for change in self.changes)

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it: what is not known is None."""
        return _known(asdict(self))


def diff(
    workspace: Workspace, first: str, second: str, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> Diff:
    """Compare two truths.

    Labels are compared on the images that both have settled. Of two versions of the own truth, every image is compared
    by all columns in `OF_VERSIONS`, and has reasons: ``votes`` (the image has other votes), ``decisions`` (curators
    decided other labels of it, or decided otherwise), ``original`` (its original label is another), ``method`` and
    ``settings`` (of the whole truth), and where none of these differ ``other images`` (the method weighs people by all
    their votes, or the vocabulary changed).

    Args:
        workspace: with both.
        first: see `reground.annotations.truth.sides.open_side`.
        second: likewise; precision and recall are those of ``first`` against it.
        resamples: bootstrap resamples of images.
        seed: of the draws.
        level: of the intervals, 0 to 1.

    Raises:
        UsageError: an unknown truth.
        RegroundError: there is no truth yet.
    """
    opened = open_side(workspace, first), open_side(workspace, second)
    sides, rows = (opened[0][0], opened[1][0]), (opened[0][1], opened[1][1])
    image_ids = sorted(_settled(rows[0]) & _settled(rows[1]))
    pairs = pair_labels(_arrays(rows[0], image_ids), _arrays(rows[1], image_ids))
    scores = score_labels(workspace, pairs, len(image_ids), resamples, seed, level)
    by_image = disagreement(pairs, _confidence(pairs, image_ids, rows), len(image_ids))
    disagreement_of = dict(zip(image_ids, by_image.tolist(), strict=True))
    settings = _settings(sides)
    changes = list(_changes(sides, rows, disagreement_of, settings))
    total = len(rows[0].keys() | rows[1].keys()) if _are_versions(sides) else len(image_ids)
    return Diff(
        first=sides[0],
        second=sides[1],
        settings=settings,
        compared=len(image_ids),
        only_first=sides[0].settled - len(image_ids),
        only_second=sides[1].settled - len(image_ids),
        unchanged=total - len(changes),
        scores=scores,
        changes=sorted(changes, key=lambda change: (-change.disagreement, change.image_id)),
    )


def _settled(rows: Rows) -> set[str]:
    return {image_id for image_id, row in rows.items() if row["labels"] is not None}


def _are_versions(sides: Sequence[Side]) -> bool:
    return all(side.kind == VERSION for side in sides)


def _arrays(rows: Rows, image_ids: Sequence[str]) -> tuple[Ints, Ints]:
    """Index of the image and label of each label."""
    sets = [rows[image_id]["labels"] or [] for image_id in image_ids]
    image = np.repeat(np.arange(len(sets)), [len(labels) for labels in sets])
    return image, np.array([label for labels in sets for label in labels], np.int64)


def _confidence(pairs: LabelPairs, image_ids: list[str], rows: Sequence[Rows]) -> np.ndarray:
    """``(P,)``: of each label in the set that has it; 1 where none is known."""
    columns = zip(pairs.image.tolist(), pairs.label.tolist(), pairs.first.tolist(), strict=True)
    sides = ((rows[0 if first else 1][image_ids[int(image)]], label) for image, label, first in columns)
    return np.array([row["confidence"].get(label, 1.0) for row, label in sides], np.float64)


def _settings(sides: Sequence[Side]) -> dict[str, tuple[Any, Any]]:
    if not _are_versions(sides):
        return {}
    first, second = (side.settings for side in sides)
    return {
        name: (first.get(name), second.get(name))
        for name in sorted(first.keys() | second.keys())
        if first.get(name) != second.get(name)
    }


def _changes(
    sides: Sequence[Side],
    rows: Sequence[Rows],
    disagreement_of: Mapping[str, float],
    settings: Mapping[str, Any],
) -> Iterator[Change]:
    versions = _are_versions(sides)
    whole = [*(["method"] if "method" in settings else []), *(["settings"] if settings.keys() - {"method"} else [])]
    columns = OF_VERSIONS if versions else SHARED
    for image_id in sorted(rows[0].keys() | rows[1].keys() if versions else disagreement_of):
        first, second = (side.get(image_id) for side in rows)
        shown = [None if row is None else {name: row[name] for name in columns} for row in (first, second)]  # type: ignore[literal-required]
        if _compared(shown[0]) != _compared(shown[1]):
            why = _why(first, second, whole) if versions else []
            kind = _kind(first, second, [side.name for side in sides])
            yield Change(image_id, shown[0], shown[1], disagreement_of.get(image_id, 0.0), kind, why)


def _compared(shown: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Labels in another order, that of their confidence, are the same labels."""
    return None if shown is None else {**shown, "labels": shown["labels"] and sorted(shown["labels"])}


def _kind(first: SideRow | None, second: SideRow | None, names: Sequence[str]) -> str:
    """How the labels differ."""
    sets = [None if row is None or row["labels"] is None else set(row["labels"]) for row in (first, second)]
    if sets[0] is None or sets[1] is None:
        return "not settled in both"
    if sets[0] == sets[1]:
        return "the same labels"
    for labels, name in zip(sets, names, strict=True):
        if not labels:
            return f"no label holds in {name}"
    if not sets[0] & sets[1]:
        return "no label in common"
    for labels, others, name in ((*sets, names[0]), (*sets[::-1], names[1])):
        if labels > others:  # type: ignore[operator]
            return f"more labels in {name}"
    return "some labels in common"


def _why(first: SideRow | None, second: SideRow | None, whole: Sequence[str]) -> list[str]:
    if first is None or second is None:
        return ["new image" if first is None else "image gone"]
    own = [] if first.get("vote_fingerprint") == second.get("vote_fingerprint") else ["votes"]
    if first.get("decided") != second.get("decided"):
        own.append("decisions")
    if first.get("original") != second.get("original"):
        own.append("original")
    return [*own, *whole] or ["other images"]


def _stage(row: Mapping[str, Any] | None) -> str:
    return "-" if row is None else row.get("outcome") or row.get("state") or "-"


def _known(value: Any) -> Any:
    if isinstance(value, Estimate):
        return {name: _known(number) for name, number in value._asdict().items()}
    if isinstance(value, dict):
        return {name: _known(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_known(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
