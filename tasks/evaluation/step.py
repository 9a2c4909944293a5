"""Evaluate every model on every set. Writes ``evaluation``, ``comparison``, ``calibration`` and ``sure_and_wrong``.

Reads ``images``, ``original_labels``, ``classes``, ``groups``, ``votes``, ``annotators``, ``truth``,
``reference_truths/NAME``, ``predictions/MODEL``, ``variants/NAME`` (keys only) and ``adversarial/MODEL``; no image
file is opened.
Metrics on photographs are in `metrics`, `calibration` and `comparison`, those on swapped backgrounds in `backgrounds`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from annotated_types import Interval

from reground.tasks.errors import unknown
from reground.tasks.evaluation.answers import read_answers
from reground.tasks.evaluation.backgrounds import ADVERSARIAL, group_hits, on_adversarial, on_variants
from reground.tasks.evaluation.bootstrap import Resampling
from reground.tasks.evaluation.calibration import on_confidence, reliability_rows
from reground.tasks.evaluation.comparison import ModelComparison
from reground.tasks.evaluation.metrics import MULTI, OUTCOMES, REVIEWED, SINGLE, TOP_1, TOP_K, Subsets, on_photographs
from reground.tasks.evaluation.reference import NONE, ReferenceLabels, reference_labels
from reground.tasks.evaluation.reference_truth import published_labels
from reground.tasks.evaluation.result import MetricResult
from reground.tasks.evaluation.sure_and_wrong import sure_and_wrong
from reground.tasks.images import load_groups
from reground.tasks.references import ORIGINAL, OWN, reference_names
from reground.tasks.schema import PHOTOGRAPHS, PUBLISHED_VARIANTS, VARIANTS, CalibrationRow, ClassRow, family
from reground.tasks.votes import POLICY_TABLE, Ints
from reground.tasks.workspace import NonNegativeInt, Output, PositiveInt, Shard, Step, Workspace

SETS: Final = tuple(f"variants/{name}" for name in (*VARIANTS, *PUBLISHED_VARIANTS))
MODEL_FAMILIES: Final = ("predictions", "adversarial")
"""Families of tables with the outputs of a model."""
ON_PHOTOGRAPHS: Final = "+photographs"
"""Id of the shard of all models on photographs; not a valid name of a model's table. That of a reference truth
ends in ``+NAME``."""
LABEL_TABLES: Final = ("images", "original_labels", "classes", "groups")
TRUTH_TABLES: Final = ("votes", "annotators", "truth", POLICY_TABLE)
NO_REFERENCE: Final = "none"
OF_TRUTH: Final = (REVIEWED, SINGLE, MULTI, *OUTCOMES)
"""Subsets of photographs that a truth defines: a metric on them rests on it, even one of original labels."""


@dataclass(frozen=True)
class EvaluationSettings:
    """How models are evaluated.

    Attributes:
        references: reference truths to evaluate against besides the own truth; empty: all that are imported;
            ``none``: none.
        level: confidence level of the intervals.
        resamples: bootstrap resamples of photographs and labels, to compare models and for calibration errors.
        seed: seed of the bootstrap.
        bins: bins of equal mass of a reliability table and a calibration error.
        sure: probability from which on a model is sure of its first answer, for ``sure_and_wrong``.
    """

    references: tuple[str, ...] = ()
    level: Annotated[float, Interval(gt=0, lt=1)] = 0.95
    resamples: PositiveInt = 1000
    seed: NonNegativeInt = 0
    bins: PositiveInt = 15
    sure: Annotated[float, Interval(ge=0.5, le=1)] = 0.9


def plan(workspace: Workspace, settings: EvaluationSettings) -> list[Shard]:
    """One shard per model for swapped backgrounds, and one of all models for photographs by each truth.

    Raises:
        UsageError: the level or the number of resamples is out of range, or there is no such reference truth.
        RegroundError: the workspace has no images.
    """
    references = _references(workspace, settings)
    if not references and not any(workspace.parts(table) for table in ("original_labels", "truth")):
        workspace.require("images", "index IMAGES")
    models = sorted({name.partition("/")[2] for name in workspace.tables() if family(name) in MODEL_FAMILIES})
    variants = tuple(workspace.table_digest(name) for name in ("groups", *SETS))
    shards = [
        Shard(
            model,
            (*(workspace.table_digest(f"{family_name}/{model}") for family_name in MODEL_FAMILIES), *variants),
            {"model": model},
        )
        for model in models
    ]
    predicted = [model for model in models if f"predictions/{model}" in workspace.tables()]
    if not predicted:
        return shards
    tables = [*LABEL_TABLES, *(f"predictions/{model}" for model in predicted)]
    digests = tuple(workspace.table_digest(name) for name in tables)
    own = tuple(workspace.table_digest(name) for name in TRUTH_TABLES)
    shards.append(Shard(ON_PHOTOGRAPHS, (*digests, *own), {"models": predicted}, len(predicted)))
    for name in references:
        inputs = (*digests, workspace.table_digest(f"reference_truths/{name}"))
        args = {"models": predicted, "reference": name}
        shards.append(Shard(_shard_of_reference(name), inputs, args, len(predicted)))
    return shards


def _references(workspace: Workspace, settings: EvaluationSettings) -> list[str]:
    """Names of the reference truths to evaluate against."""
    names = reference_names(workspace)
    if settings.references == (NO_REFERENCE,):
        return []
    for name in settings.references:
        if name not in names:
            raise unknown("reference truth (evaluate.references)", name, [*names, NO_REFERENCE])
    return list(dict.fromkeys(settings.references)) or names


def discard_reference(workspace: Workspace, name: str) -> None:
    """Remove the numbers by a reference truth, which is gone or another one."""
    workspace.discard(STEP.name, _shard_of_reference(name))


def _shard_of_reference(name: str) -> str:
    return f"{ON_PHOTOGRAPHS}+{name}"


def work(workspace: Workspace, settings: EvaluationSettings, shard: Shard) -> Output:
    """All metrics of one model on swapped backgrounds, or of all models on photographs."""
    if "reference" in shard.args:
        labels = published_labels(workspace, shard.args["reference"])
        return photographs(workspace, settings, shard.args["models"], labels)
    if shard.id == ON_PHOTOGRAPHS:
        return photographs(workspace, settings, shard.args["models"], reference_labels(workspace))
    model = shard.args["model"]
    predictions = workspace.read(f"predictions/{model}", ["set", "image_id", "class_idx", "recipe"])
    predictions = predictions[predictions["set"] != PHOTOGRAPHS]
    recipes = dict(zip(predictions["set"], predictions["recipe"], strict=True))
    recipes[ADVERSARIAL] = _recipe_of_search(workspace, model)
    metrics = _backgrounds(workspace, model, predictions, settings.level)
    return Output({"evaluation": [_row(model, m, recipes.get(m.set.partition(",")[0], "")) for m in metrics]})


def photographs(
    workspace: Workspace, settings: EvaluationSettings, models: list[str], reference: ReferenceLabels
) -> Output:
    """Metrics of every model on photographs by one truth, and the comparison of the models."""
    subsets = _subsets(workspace, reference)
    classes = len(workspace.read("classes", ["class_idx"]))
    top_1 = np.full((len(reference.image_ids), len(models)), NONE, np.int64)
    confidence = np.full(top_1.shape, np.nan)
    resampling = Resampling(settings.resamples, settings.seed, settings.level)
    rows: list[dict[str, Any]] = []
    bins: list[CalibrationRow] = []
    recipes = {model: _recipe(workspace, model) for model in models}
    for n, model in enumerate(models):
        answers = read_answers(workspace, model, reference.image_ids, reference.original)
        ranks = answers.classes
        top_1[:, n], confidence[:, n] = ranks[:, 0], answers.confidence
        metrics = (
            *on_photographs(ranks, reference, subsets, _has_top5(ranks, classes), settings.level),
            *on_confidence(answers, reference, settings.bins, resampling),
        )
        rows += [_row(model, metric, recipes[model], reference) for metric in metrics]
        bins += reliability_rows(model, answers, reference, settings.bins, settings.level)
    comparison = ModelComparison(models, top_1, reference, resampling)
    rows += [_row(model, metric, recipes[model], reference) for model, metric in comparison.ranks()]
    tables: dict[str, Any] = {
        "evaluation": rows,
        "comparison": [_comparison_row(row, reference) for row in comparison.rows()],
        "calibration": bins,
    }
    if reference.name == OWN:
        tables["sure_and_wrong"] = sure_and_wrong(models, top_1, confidence, reference, settings.sure)
    else:  # what rests on original labels alone is beside the own truth
        tables = {name: [row for row in part if row["truth"] != ORIGINAL and row["n"]] for name, part in tables.items()}
    return Output(tables)


def _subsets(workspace: Workspace, reference: ReferenceLabels) -> Subsets:
    """The photographs by the group and by the superclass of their original label."""
    groups = workspace.read("groups")
    classes: list[ClassRow] = workspace.read("classes").to_dict("records")  # type: ignore[assignment]
    superclasses = pd.DataFrame(load_groups("superclasses", classes)[0], columns=["group", "name", "class_idx"])

    def by_group(frame: pd.DataFrame) -> dict[str, Any]:
        by_name = frame.groupby(["group", "name"])["class_idx"]
        return {str(name): np.isin(reference.original, members.to_numpy()) for (_, name), members in by_name}  # type: ignore[misc]

    return Subsets(by_group(groups), by_group(superclasses))


def _has_top5(ranks: Ints, classes: int) -> bool:
    """Whether every predicted image has five predictions, or as many as there are classes."""
    counts = (ranks[ranks[:, 0] != NONE] != NONE).sum(axis=1)
    return bool(len(counts)) and int(counts.min()) >= min(TOP_K, classes)


def _backgrounds(workspace: Workspace, model: str, predictions: pd.DataFrame, level: float) -> Iterator[MetricResult]:
    groups = workspace.read("groups")
    group_of = dict(zip(groups["class_idx"], groups["group"], strict=True))
    names = dict(zip(groups["group"], groups["name"], strict=True))
    hits: dict[str, pd.DataFrame] = {}
    for table in SETS:
        variant = table.partition("/")[2]
        keys = workspace.read(table, ["image_id", "group"]).set_index("image_id")["group"]
        hits[variant] = group_hits(_predictions_of(predictions, variant), keys, group_of)
    yield from on_variants(hits, names, level)
    search_rows = workspace.read(f"adversarial/{model}", ["group", "clean_correct", "vulnerable", "outcome"])
    yield from on_adversarial(search_rows, names, level)


def _recipe(workspace: Workspace, model: str) -> str:
    """The recipe of a model's predictions on photographs, from the last part."""
    for _, part in reversed(workspace.parts(f"predictions/{model}")):
        columns = workspace.read_part(part.path, ["set", "recipe"])
        recipes = columns.filter(pc.field("set") == PHOTOGRAPHS)["recipe"]
        if len(recipes):
            return recipes[-1].as_py()
    return ""


def _recipe_of_search(workspace: Workspace, model: str) -> str:
    for _, part in workspace.parts(f"adversarial_pairs/{model}"):
        if part.rows:
            return workspace.read_part(part.path, ["recipe"])["recipe"][0].as_py()
    return ""


def _predictions_of(predictions: pd.DataFrame, name: str) -> pd.DataFrame:
    return predictions[predictions["set"] == name].set_index("image_id")


def _row(model: str, m: MetricResult, recipe: str, reference: ReferenceLabels | None = None) -> dict[str, Any]:
    estimate = m.estimate._asdict() if m.estimate.n else {"value": None, "low": None, "high": None, "n": 0}
    return {
        "model": model,
        "set": m.set,
        "metric": m.metric,
        "subset": m.subset,
        **estimate,
        "recipe": recipe,
        **_truth_columns(reference if m.on_truth or m.subset in OF_TRUTH else None),
    }


def _comparison_row(row: Mapping[str, Any], reference: ReferenceLabels) -> dict[str, Any]:
    on_truth = row["metric"] != TOP_1 or row["subset"] in OF_TRUTH
    return {**row, **_truth_columns(reference if on_truth else None)}


def _truth_columns(reference: ReferenceLabels | None) -> dict[str, str]:
    """The truth behind a number: its labels, or the photographs that count."""
    if reference is None:
        return {"truth": ORIGINAL, "truth_version": "", "sources": ""}
    return {"truth": reference.name, "truth_version": reference.version, "sources": reference.sources}


STEP = Step(
    "evaluate",
    9,
    EvaluationSettings,
    plan,
    work,
    idle="no model has predicted; `reground predict` runs models, `reground predict import` reads a file",
)
