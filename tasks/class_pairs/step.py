"""Class pairs: classes that models confuse or people accept together, and what both say of the pair.

Reads ``images``, ``original_labels``, ``truth``, ``votes``, ``annotators``, ``gold``, ``vote_policy`` and
``predictions/MODEL``; writes ``class_pairs``. Kernel: `reground.tasks.kernels.class_pairs`. No picture is opened, and
no class is changed.

Whether one class is part of another, or more general, is not said: the vocabularies hold no hierarchy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, NamedTuple

import numpy as np
import pandas as pd
from annotated_types import Interval

from reground.tasks.class_pairs.people import Pair, read_agreement, read_co_selections
from reground.tasks.evaluation import read_answers
from reground.tasks.images import read_original_labels
from reground.tasks.kernels.class_pairs import NOT_PREDICTED, Confusions, confusion, confusions, verdict
from reground.tasks.kernels.intervals import Estimate, wilson
from reground.tasks.schema import ClassIdx, ClassPairRow, family
from reground.tasks.votes import POLICY_TABLE
from reground.tasks.workspace import Output, Shard, Step, Workspace

READS: Final = ("images", "original_labels", "truth", "votes", "annotators", "gold", POLICY_TABLE)
VOTES, MODELS, BOTH = "votes", "models", "both"
"""The closed list of ``class_pairs.source``."""


@dataclass(frozen=True)
class ClassPairSettings:
    """When a verdict is given.

    Attributes:
        most: share of images on which people accept both classes (synonym), or one alone (confusable).
        confused: share of first answers with the other class from which on models confuse two classes.
    """

    most: Annotated[float, Interval(ge=0.5, lt=1)] = 0.6
    confused: Annotated[float, Interval(gt=0, lt=1)] = 0.1


class _People(NamedTuple):
    """What people say of one pair."""

    co_selected: int = 0
    exclusive: int = 0
    two_objects: int = 0


def plan(workspace: Workspace, settings: ClassPairSettings) -> list[Shard]:
    """One shard; none where there are neither predictions nor votes."""
    tables = [f"predictions/{model}" for model in _models(workspace)]
    if not tables and not workspace.count("votes"):
        return []
    return [Shard("all", tuple(workspace.table_digest(name) for name in (*READS, *tables)), {})]


def work(workspace: Workspace, settings: ClassPairSettings, shard: Shard) -> Output:
    """A row for each pair that a model confuses on some image, or people accept together on some image."""
    counts = read_co_selections(workspace)
    columns = (counts.co_selected, counts.exclusive, counts.two_objects)
    numbers = zip(*(column.tolist() for column in columns), strict=True)
    people = {(low, high): _People(*row) for (low, high), row in zip(counts.pairs.tolist(), numbers, strict=True)}
    models, found = _confusions(workspace, int(counts.pairs.max(initial=-1)) + 1)
    confused: dict[Pair, int] = {(low, high): n for n, (low, high) in enumerate(found.pairs.tolist())}
    pairs = sorted({*confused, *(pair for pair, one in people.items() if one.co_selected)})
    alphas = read_agreement(workspace, pairs)
    rows = [
        _row(pair, people.get(pair, _People()), _Models(pair, models, found, confused.get(pair)), alphas, settings)
        for pair in pairs
    ]
    return Output({"class_pairs": rows})


def _models(workspace: Workspace) -> list[str]:
    return [name.partition("/")[2] for name in workspace.tables() if family(name) == "predictions"]


def _confusions(workspace: Workspace, classes: int) -> tuple[list[str], Confusions]:
    """The models, and their confusions on the photographs with an original label."""
    originals = read_original_labels(workspace)["class_idx"].dropna()
    ids, labels = pd.Index(originals.index, dtype="object"), originals.to_numpy(np.int64)
    models = _models(workspace)
    answers = np.full((len(models), len(ids)), NOT_PREDICTED, np.int64)
    for number, model in enumerate(models):
        answers[number] = read_answers(workspace, model, ids, labels).classes[:, 0]
    highest = max(int(labels.max(initial=-1)), int(answers.max(initial=-1))) + 1
    return models, confusions(labels, answers, max(classes, highest))


@dataclass(frozen=True)
class _Models:
    """What models say of one pair; ``row``: of the confusions, None: no model confuses the two."""

    pair: Pair
    models: list[str]
    counts: Confusions
    row: int | None

    def confusion(self) -> Estimate:
        n_low, n_high = (int(self.counts.images[class_idx]) for class_idx in self.pair)
        low, high = (
            0.0 if self.row is None else float(column[self.row])
            for column in (self.counts.low_as_high, self.counts.high_as_low)
        )
        return confusion(low, high, n_low, n_high)

    def top1(self) -> Iterator[tuple[str, float, float]]:
        """Model, its top-1 accuracy on images of either class, and what it were if both were one class."""
        for number, model in enumerate(self.models):
            n = int(self.counts.predicted[number, list(self.pair)].sum())
            if n:
                right = int(self.counts.correct[number, list(self.pair)].sum())
                mistaken = 0 if self.row is None else int(self.counts.mistaken[number, self.row])
                yield model, right / n, (right + mistaken) / n


def _row(
    pair: Pair, people: _People, models: _Models, alphas: Mapping[Pair, float], settings: ClassPairSettings
) -> ClassPairRow:
    confused, top1 = models.confusion(), list(models.top1())
    n = people.co_selected + people.exclusive
    together = wilson(people.co_selected, n)
    return {
        "class_a": ClassIdx(pair[0]),
        "class_b": ClassIdx(pair[1]),
        "verdict": verdict(*people, confused, settings.most, settings.confused),
        "confused": _known(confused.value, confused.n),
        "confused_low": _known(confused.low, confused.n),
        "confused_high": _known(confused.high, confused.n),
        "images": confused.n,
        "co_selected": people.co_selected,
        "exclusive": people.exclusive,
        "two_objects": people.two_objects,
        "n": n,
        "low": _known(together.low, n),
        "high": _known(together.high, n),
        "alpha": alphas.get(pair),
        "models": [name for name, _, _ in top1],
        "top1": [now for _, now, _ in top1],
        "merged_top1": [merged for _, _, merged in top1],
        "source": BOTH if n and confused.n else VOTES if n else MODELS,
    }


def _known(value: float, n: int) -> Any:
    return value if n else None


STEP = Step(
    "class_pairs",
    1,
    ClassPairSettings,
    plan,
    work,
    idle="there are neither predictions nor votes; `reground predict` runs models, `reground review push` asks people",
)
