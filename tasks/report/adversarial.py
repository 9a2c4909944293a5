"""The report's adversarial backgrounds: who fools whom, how often, and what it cost to know.

Reads ``adversarial/MODEL``, ``adversarial_pool/MODEL``, ``adversarial_pairs/MODEL`` (part by
part), ``adversarial_backgrounds/MODEL``, ``adversarial_shared``, ``groups``, ``variants/only_bg_t``.
Source of the ranking: the figure of the backgrounds challenge (MadryLab/backgrounds_challenge,
README): backgrounds of a group by the share of other groups' foregrounds they turn into it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from reground.tasks.adversarial import SearchSummary, summarize_search
from reground.tasks.kernels.intervals import wilson
from reground.tasks.report.composites import Composite, composites
from reground.tasks.report.models import Number
from reground.tasks.report.snapshot import Snapshot

BEST: Final = 5
"""Backgrounds shown of each group, as in the challenge's figure."""
SHARED: Final = 10
"""Backgrounds shown of those that fool every model."""
NO_GROUP, UNTRIED = -1, -2
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Background:
    """A background, its picture, and the share of other groups' foregrounds it fools."""

    image_id: str
    group: str
    rate: Number
    picture: bytes


@dataclass(frozen=True)
class Pairs:
    """Pairs tried of one foreground group with one background group (or of all).

    Attributes:
        wrong: predicted wrong in any way; ``into`` the background's group, ``unmapped`` as a class in no group.
    """

    tried: int
    wrong: int
    into: int
    unmapped: int

    @property
    def rate(self) -> float:
        return self.wrong / self.tried if self.tried else 0.0


@dataclass(frozen=True)
class Ranking:
    """The most adversarial backgrounds of a group, and all of them together."""

    group: str
    turned: Number
    backgrounds: tuple[Background, ...]


@dataclass(frozen=True)
class Search:
    """What the search found for one model.

    Attributes:
        exhaustive: every foreground was tried on every background; else rates are of the pairs tried.
        names: of the groups that the heat map has, in the protocol's order.
        wrong_before: foregrounds of each, and those of them wrong on their original already.
        composites: some foregrounds on what fools the model most surely.
        heat: a row a foreground group, the last one all; a column a background group, the last one all.
    """

    model: str
    effort: SearchSummary
    exhaustive: bool
    names: tuple[str, ...]
    heat: tuple[tuple[Pairs, ...], ...]
    rankings: tuple[Ranking, ...]
    wrong_before: tuple[tuple[int, int], ...]
    composites: tuple[Composite, ...]

    @property
    def top(self) -> float:
        """Upper end of the heat map's colours, a share: the next full tenth."""
        most = max((pairs.rate for row in self.heat for pairs in row), default=0.0)
        return max(0.1, np.ceil(10 * most - 1e-9) / 10)

    def level(self, pairs: Pairs) -> int:
        """Which of the colours 0 to 10 a cell has."""
        return round(10 * pairs.rate / self.top)


class Tally:
    """Counts of pairs by foreground group and background group, taken in part by part."""

    def __init__(self, groups: int, backgrounds: Counts) -> None:
        """Args:
        groups: how many there are.
        backgrounds: ``(B,)`` group of each background of the pool.
        """
        self.groups, self.backgrounds = groups, backgrounds
        self.tried, self.wrong, self.into, self.unmapped = (np.zeros((groups, groups), np.int64) for _ in range(4))
        self.turned, self.others = np.zeros(groups, np.int64), np.zeros(groups, np.int64)
        self.complete = True

    def add(self, foregrounds: Counts, predicted: Counts) -> None:
        """Take in some foregrounds.

        Args:
            foregrounds: ``(F,)`` their groups.
            predicted: ``(F, B)`` group predicted on each background; -1: none, -2: not tried.
        """
        tried = predicted != UNTRIED
        own = tried & (predicted == self.backgrounds)
        wrong = tried & (predicted != foregrounds[:, None])
        cell = foregrounds[:, None] * self.groups + self.backgrounds
        counts = ((self.tried, tried), (self.wrong, wrong), (self.into, own), (self.unmapped, predicted == NO_GROUP))
        for total, cells in counts:
            total += np.bincount(cell[cells], minlength=self.groups**2).reshape(total.shape)
        self.complete &= bool(tried.all())
        for group in range(self.groups):
            columns, others = self.backgrounds == group, foregrounds != group
            self.turned[group] += own[np.ix_(others, columns)].any(1).sum()
            self.others[group] += tried[np.ix_(others, columns)].any(1).sum()

    def heat(self, groups: Counts) -> tuple[tuple[Pairs, ...], ...]:
        """Rows and columns of the groups ``kept``, and behind them those of all."""
        counts = (self.tried, self.wrong, self.into, self.unmapped)
        totals = [_with_sums(total[np.ix_(groups, groups)]) for total in counts]
        size = len(groups) + 1
        return tuple(tuple(Pairs(*(int(t[i, j]) for t in totals)) for j in range(size)) for i in range(size))


def _with_sums(counts: Counts) -> Counts:
    wide = np.column_stack([counts, counts.sum(1)])
    return np.vstack([wide, wide.sum(0)])


def searches(snapshot: Snapshot) -> list[Search]:
    """What was found for every model whose search is over: the pool is listed last."""
    return [_search(snapshot, model) for model in snapshot.members("adversarial_pool")]


def shared(snapshot: Snapshot) -> tuple[tuple[str, ...], list[Background]]:
    """The models searched together, and the backgrounds that fool all of them most; no models: none were."""
    frame = snapshot.frame("adversarial_shared", ["image_id", "group", "models", "tried", "fooled_all"])
    if frame.empty:
        return (), []
    models = max((tuple(models) for models in frame["models"]), key=len)
    together = frame[[len(models) == len(models) for models in frame["models"]]]
    return models, _best(snapshot, together, "fooled_all", SHARED)


def _search(snapshot: Snapshot, model: str) -> Search:
    columns = ["image_id", "group", "clean_correct", "vulnerable", "outcome", "passes", "outcome_passes"]
    foregrounds = snapshot.frame(f"adversarial/{model}", columns)
    pool = snapshot.frame(f"adversarial_pool/{model}", ["position", "group"]).sort_values("position")
    backgrounds = snapshot.frame(f"adversarial_backgrounds/{model}", ["image_id", "group", "tried", "into_own"])
    names = dict(sorted(snapshot.distinct("groups", ["group", "name"])))
    tally = _tally(snapshot, model, foregrounds, pool["group"].to_numpy(np.int64), max(names) + 1)
    groups = np.flatnonzero(tally.tried.sum(0) + tally.tried.sum(1))
    return Search(
        model=model,
        effort=summarize_search(foregrounds, len(pool)),
        exhaustive=tally.complete,
        names=tuple(names[group] for group in groups),
        heat=tally.heat(groups),
        rankings=tuple(_ranking(snapshot, backgrounds, tally, group, names[group]) for group in groups),
        wrong_before=tuple(_wrong_before(foregrounds[foregrounds["group"] == group]) for group in groups),
        composites=tuple(composites(snapshot, model)),
    )


def _wrong_before(foregrounds: pd.DataFrame) -> tuple[int, int]:
    return len(foregrounds), int((~foregrounds["clean_correct"].astype(bool)).sum())


def _tally(snapshot: Snapshot, model: str, foregrounds: pd.DataFrame, backgrounds: Counts, groups: int) -> Tally:
    """Every pair of a model; one part of them in memory at a time."""
    class_groups = snapshot.frame("groups", ["class_idx", "group"])
    group_of = np.full(class_groups["class_idx"].max() + 1, NO_GROUP)
    group_of[class_groups["class_idx"]] = class_groups["group"]
    group_of_foreground = dict(zip(foregrounds["image_id"], foregrounds["group"], strict=True))
    tally = Tally(groups, backgrounds)
    for part in snapshot.each_part(f"adversarial_pairs/{model}", ["image_id", "predicted"]):
        predicted = part["predicted"].combine_chunks().flatten().to_numpy().reshape(-1, len(backgrounds))
        groups_of_part = [group_of_foreground[image_id] for image_id in part["image_id"].to_pylist()]
        tally.add(np.array(groups_of_part, np.int64), to_groups(predicted, group_of))
    return tally


def to_groups(classes: npt.NDArray[np.integer[Any]], group_of: Counts) -> Counts:
    """Class indices as groups: -1 for a class in none or outside the vocabulary; -2 (not tried) stays."""
    inside = (classes >= 0) & (classes < len(group_of))
    groups = np.where(inside, group_of[np.where(inside, classes, 0)], NO_GROUP)
    return np.where(classes == UNTRIED, UNTRIED, groups)


def _ranking(snapshot: Snapshot, backgrounds: pd.DataFrame, tally: Tally, group: int, name: str) -> Ranking:
    turned = Number(*wilson(int(tally.turned[group]), int(tally.others[group])))
    best = _best(snapshot, backgrounds[backgrounds["group"] == group], "into_own", BEST)
    return Ranking(name, turned, tuple(best))


def _best(snapshot: Snapshot, backgrounds: pd.DataFrame, column: str, count: int) -> list[Background]:
    """By the lower end of the interval: a high rate of few tried says less than a lower one of many."""
    names = dict(snapshot.distinct("groups", ["group", "name"]))
    rates = [
        (str(row["image_id"]), names[row["group"]], Number(*wilson(int(row[column]), int(row["tried"]))))
        for row in backgrounds[backgrounds["tried"] > 0].to_dict("records")
    ]
    best = sorted(rates, key=lambda item: (-item[2].low, -item[2].value, item[0]))[:count]
    pictures = _pictures(snapshot, {image_id for image_id, _, rate in best if rate.value})
    return [Background(*item, pictures.get(item[0], b"")) for item in best if item[2].value]


def _pictures(snapshot: Snapshot, image_ids: Collection[str]) -> dict[str, bytes]:
    rows: Iterable[dict[str, Any]] = snapshot.rows("variants/only_bg_t", ["image_id", "image"], image_ids)
    return {row["image_id"]: row["image"]["bytes"] for row in rows}
