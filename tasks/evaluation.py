"""Evaluate: every model on every set. Writes ``evaluation``.

Reads ``images``, ``predictions/MODEL``, ``truth``, ``groups``, ``variants/NAME`` (keys only) and
``adversarial/MODEL``. Source of multi-label accuracy: Beyer et al. 2020: top-1 among the true
labels, over images that have any. For what is measured on swapped backgrounds see
`tasks.evaluation_backgrounds`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.evaluation_backgrounds import ADVERSARIAL, group_hits, on_adversarial, on_variants, top_1
from tasks.kernels.intervals import share
from tasks.measured import ALL, Measured
from tasks.schema import PARITY, PHOTOGRAPHS, VARIANTS, family
from tasks.step import Shard, Step
from tasks.store import Output, Workspace

SETTLED: Final = ("confirmed", "extended", "changed")
"""Statuses of truth rows whose labels the votes settled."""
REVIEWED: Final = "reviewed"
SETS: Final = tuple(f"variants/{name}" for name in (*VARIANTS, *PARITY))
JUDGED: Final = ("predictions", "adversarial")
"""Families of tables that say what a model did."""


@dataclass(frozen=True)
class EvaluationSettings:
    """How models are judged.

    Attributes:
        level: of the intervals, 0 to 1.
    """

    level: float = 0.95


def plan(workspace: Workspace, settings: EvaluationSettings) -> list[Shard]:
    """One shard a model that has predicted or was searched."""
    workspace.require("images", "index IMAGES")
    rest = tuple(workspace.table_digest(name) for name in ("images", "truth", "groups", *SETS))
    found = sorted({name.partition("/")[2] for name in workspace.tables() if family(name) in JUDGED})
    return [
        Shard(model, (*(workspace.table_digest(f"{of}/{model}") for of in JUDGED), *rest), {"model": model})
        for model in found
    ]


def work(workspace: Workspace, settings: EvaluationSettings, shard: Shard) -> Output:
    """All metrics of one model."""
    model = shard.args["model"]
    predictions = workspace.read(f"predictions/{model}", ["set", "image_id", "class_idx", "recipe"])
    truth = workspace.read("truth", ["image_id", "labels", "main_label", "status", "sources"]).set_index("image_id")
    measured = [
        *_photographs(workspace, _of(predictions, PHOTOGRAPHS), truth, settings.level),
        *_backgrounds(workspace, model, predictions, settings.level),
    ]
    version = workspace.table_digest("truth")[:12]
    sources = ",".join(sorted({source for row in truth["sources"] for source in row}))
    recipes = dict(zip(predictions["set"], predictions["recipe"], strict=True))
    recipes[ADVERSARIAL] = _recipe_of_search(workspace, model)
    return Output({"evaluation": [_row(model, m, recipes, version, sources) for m in measured]})


def _photographs(
    workspace: Workspace, predictions: pd.DataFrame, truth: pd.DataFrame, level: float
) -> Iterator[Measured]:
    if len(predictions):
        images = workspace.read("images", ["image_id", "class_idx"]).set_index("image_id")
        yield from on_photographs(predictions, images, truth, level)


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


def _recipe_of_search(workspace: Workspace, model: str) -> str:
    for _, part in workspace.parts(f"adversarial_pairs/{model}"):
        if part.rows:
            return workspace.read_part(part.path, ["recipe"])["recipe"][0].as_py()
    return ""


def on_photographs(
    predictions: pd.DataFrame, images: pd.DataFrame, truth: pd.DataFrame, level: float
) -> Iterator[Measured]:
    """Accuracy on the original labels, and on the re-grounded ones, over the images whose labels the votes settled."""
    original = images.loc[predictions.index, "class_idx"].to_numpy()
    hits = {f"top{k}": top_k_hits(predictions, original, k) for k in (1, 5)}
    for metric, of in hits.items():
        yield Measured(PHOTOGRAPHS, f"{metric}_original", ALL, share(of, level))
    settled = truth[truth["status"].isin(SETTLED)]
    reviewed = predictions.index.isin(settled.index)
    yield Measured(PHOTOGRAPHS, "top1_original", REVIEWED, share(hits["top1"][reviewed], level))
    judged = settled.loc[predictions.index[reviewed]]
    first = top_1(predictions[reviewed])
    in_labels = np.array([p in labels for p, labels in zip(first, judged["labels"], strict=True)], bool)
    yield Measured(PHOTOGRAPHS, "multi_label", REVIEWED, share(in_labels, level), on_truth=True)
    with_main = judged["main_label"].notna().to_numpy()
    is_main = first[with_main] == judged.loc[with_main, "main_label"].to_numpy()
    yield Measured(PHOTOGRAPHS, "main_label", REVIEWED, share(is_main, level), on_truth=True)


def top_k_hits(predictions: pd.DataFrame, labels: npt.NDArray[Any], k: int) -> npt.NDArray[np.bool_]:
    """``(N,) bool``: is the label among the k most probable?"""
    return np.array([y in row[:k] for row, y in zip(predictions["class_idx"], labels, strict=True)], bool)


def _of(predictions: pd.DataFrame, name: str) -> pd.DataFrame:
    return predictions[predictions["set"] == name].set_index("image_id")


def _row(model: str, m: Measured, recipes: Mapping[str, str], version: str, sources: str) -> dict[str, Any]:
    return {
        "model": model,
        "set": m.set,
        "metric": m.metric,
        "subset": m.subset,
        **m.estimate._asdict(),
        "recipe": recipes.get(m.set.partition(",")[0], ""),
        "truth_version": version if m.on_truth else "",
        "sources": sources if m.on_truth else "",
    }


STEP = Step("evaluate", 2, EvaluationSettings, plan, work)
