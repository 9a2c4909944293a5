"""Evaluate: every model on every set. Writes ``evaluation`` and ``comparison``.

Reads ``images``, ``originals``, ``classes``, ``groups``, ``votes``, ``annotators``, ``truth``,
``predictions/MODEL``, ``variants/NAME`` (keys only) and ``adversarial/MODEL``. For photographs, which need
not be at hand, see `metrics` and `comparison`; for what is measured on swapped
backgrounds `backgrounds`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from reground.tasks.errors import UsageError
from reground.tasks.evaluation.backgrounds import ADVERSARIAL, group_hits, on_adversarial, on_variants
from reground.tasks.evaluation.bootstrap import Resampling
from reground.tasks.evaluation.comparison import Compared
from reground.tasks.evaluation.metrics import DEPTH, TOP_1, Parts, on_photographs
from reground.tasks.evaluation.reference import NONE, Ints, Judged, judged, ranked
from reground.tasks.evaluation.result import Measured
from reground.tasks.images import load_groups
from reground.tasks.schema import PARITY, PHOTOGRAPHS, VARIANTS, ClassRow, family
from reground.tasks.workspace import Output, Shard, Step, Workspace

SETS: Final = tuple(f"variants/{name}" for name in (*VARIANTS, *PARITY))
JUDGED: Final = ("predictions", "adversarial")
"""Families of tables that say what a model did."""
ON_PHOTOGRAPHS: Final = "+photographs"
"""The shard of all models on photographs; no model's table is called so."""
GIVEN: Final = ("images", "originals", "classes", "groups", "votes", "annotators", "truth")


@dataclass(frozen=True)
class EvaluationSettings:
    """How models are judged.

    Attributes:
        level: of the intervals, 0 to 1.
        resamples: of photographs and labels, to compare models.
        seed: of the resamples.
    """

    level: float = 0.95
    resamples: int = 1000
    seed: int = 0


def plan(workspace: Workspace, settings: EvaluationSettings) -> list[Shard]:
    """One shard a model on swapped backgrounds, and one of all models on photographs.

    Raises:
        UsageError: settings that no interval can be made of.
        RegroundError: the workspace knows no images.
    """
    if not 0 < settings.level < 1 or settings.resamples < 1:
        raise UsageError(
            f"expected evaluate.level between 0 and 1 and evaluate.resamples of at least 1, "
            f"got {settings.level} and {settings.resamples}."
        )
    if not any(workspace.parts(table) for table in ("originals", "truth")):
        workspace.require("images", "index IMAGES")
    models = sorted({name.partition("/")[2] for name in workspace.tables() if family(name) in JUDGED})
    grounds = tuple(workspace.table_digest(name) for name in ("groups", *SETS))
    shards = [
        Shard(model, (*(workspace.table_digest(f"{of}/{model}") for of in JUDGED), *grounds), {"model": model})
        for model in models
    ]
    predicted = [model for model in models if f"predictions/{model}" in workspace.tables()]
    if not predicted:
        return shards
    given = [*GIVEN, *(f"predictions/{model}" for model in predicted)]
    digests = tuple(workspace.table_digest(name) for name in given)
    return [*shards, Shard(ON_PHOTOGRAPHS, digests, {"models": predicted}, len(predicted))]


def work(workspace: Workspace, settings: EvaluationSettings, shard: Shard) -> Output:
    """All metrics of one model on swapped backgrounds, or of all models on photographs."""
    if shard.id == ON_PHOTOGRAPHS:
        return photographs(workspace, settings, shard.args["models"])
    model = shard.args["model"]
    predictions = workspace.read(f"predictions/{model}", ["set", "image_id", "class_idx", "recipe"])
    predictions = predictions[predictions["set"] != PHOTOGRAPHS]
    recipes = dict(zip(predictions["set"], predictions["recipe"], strict=True))
    recipes[ADVERSARIAL] = _recipe_of_search(workspace, model)
    measured = _backgrounds(workspace, model, predictions, settings.level)
    return Output({"evaluation": [_row(model, m, recipes.get(m.set.partition(",")[0], "")) for m in measured]})


def photographs(workspace: Workspace, settings: EvaluationSettings, models: list[str]) -> Output:
    """Every model on the photographs, and the models against each other."""
    by = judged(workspace)
    parts = _subsets(workspace, by)
    classes = len(workspace.read("classes", ["class_idx"]))
    first = np.full((len(by.image_ids), len(models)), NONE, np.int64)
    rows: list[dict[str, Any]] = []
    recipes = {model: _recipe(workspace, model) for model in models}
    for n, model in enumerate(models):
        ranks = ranked(workspace, model, by.image_ids)
        first[:, n] = ranks[:, 0]
        for measured in on_photographs(ranks, by, parts, _deep(ranks, classes), settings.level):
            rows.append(_row(model, measured, recipes[model], by))
    compared = Compared(models, first, by, Resampling(settings.resamples, settings.seed, settings.level))
    rows += [_row(model, measured, recipes[model], by) for model, measured in compared.ranks()]
    return Output({"evaluation": rows, "comparison": [_beside(row, by) for row in compared.rows()]})


def _subsets(workspace: Workspace, by: Judged) -> Parts:
    """The photographs by the group and by the superclass of their original label."""
    groups = workspace.read("groups")
    classes: list[ClassRow] = workspace.read("classes").to_dict("records")  # type: ignore[assignment]
    superclasses = pd.DataFrame(load_groups("superclasses", classes)[0], columns=["group", "name", "class_idx"])

    def within(frame: pd.DataFrame) -> dict[str, Any]:
        named = frame.groupby(["group", "name"])["class_idx"]
        return {str(name): np.isin(by.original, of.to_numpy()) for (_, name), of in named}  # type: ignore[misc]

    return Parts(within(groups), within(superclasses))


def _deep(ranks: Ints, classes: int) -> bool:
    """Whether every image has five predictions, or all that a small vocabulary allows."""
    counts = (ranks[ranks[:, 0] != NONE] != NONE).sum(axis=1)
    return bool(len(counts)) and int(counts.min()) >= min(DEPTH, classes)


def _backgrounds(workspace: Workspace, model: str, predictions: pd.DataFrame, level: float) -> Iterator[Measured]:
    groups = workspace.read("groups")
    group_of = dict(zip(groups["class_idx"], groups["group"], strict=True))
    names = dict(zip(groups["group"], groups["name"], strict=True))
    hits: dict[str, pd.DataFrame] = {}
    for table in SETS:
        variant = table.partition("/")[2]
        keys = workspace.read(table, ["image_id", "group"]).set_index("image_id")["group"]
        hits[variant] = group_hits(_of(predictions, variant), keys, group_of)
    yield from on_variants(hits, names, level)
    searched = workspace.read(f"adversarial/{model}", ["group", "clean_correct", "vulnerable", "outcome"])
    yield from on_adversarial(searched, names, level)


def _recipe(workspace: Workspace, model: str) -> str:
    """How a model was fed photographs: the recipe of the last of them."""
    for _, part in reversed(workspace.parts(f"predictions/{model}")):
        held = workspace.read_part(part.path, ["set", "recipe"])
        recipes = held.filter(pc.field("set") == PHOTOGRAPHS)["recipe"]
        if len(recipes):
            return recipes[-1].as_py()
    return ""


def _recipe_of_search(workspace: Workspace, model: str) -> str:
    for _, part in workspace.parts(f"adversarial_pairs/{model}"):
        if part.rows:
            return workspace.read_part(part.path, ["recipe"])["recipe"][0].as_py()
    return ""


def _of(predictions: pd.DataFrame, name: str) -> pd.DataFrame:
    return predictions[predictions["set"] == name].set_index("image_id")


def _row(model: str, m: Measured, recipe: str, by: Judged | None = None) -> dict[str, Any]:
    return {
        "model": model,
        "set": m.set,
        "metric": m.metric,
        "subset": m.subset,
        **m.estimate._asdict(),
        "recipe": recipe,
        **_votes(by if m.on_truth else None),
    }


def _beside(row: Mapping[str, Any], by: Judged) -> dict[str, Any]:
    return {**row, **_votes(None if row["metric"] == TOP_1 else by)}


def _votes(by: Judged | None) -> dict[str, str]:
    """What truth a number rests on; empty where none."""
    return {"truth_version": by.version if by else "", "sources": by.sources if by else ""}


STEP = Step("evaluate", 3, EvaluationSettings, plan, work)
