"""Evaluate: every model on every set. Writes ``evaluation``.

Reads ``images``, ``predictions/MODEL``, ``truth``, ``groups``, ``variants/NAME`` (keys only).
Sources: ImageNet-9 accuracy and BG-Gap, Xiao et al. 2020: the most probable of all classes,
then the map to groups; a class in no group is wrong. Multi-label accuracy, Beyer et al. 2020:
top-1 among the true labels, over images that have any.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.candidates import models
from tasks.kernels.intervals import Estimate, paired_difference, share
from tasks.schema import PHOTOGRAPHS, VARIANTS
from tasks.step import Shard, Step
from tasks.store import Output, Workspace

SETTLED = ("confirmed", "extended", "changed")
"""Statuses of truth rows whose labels the votes settled."""
BG_GAP = ("mixed_same", "mixed_rand")
ALL, REVIEWED = "all", "reviewed"


@dataclass(frozen=True)
class EvaluationSettings:
    """How models are judged.

    Attributes:
        level: of the intervals, 0 to 1.
    """

    level: float = 0.95


@dataclass(frozen=True)
class Measured:
    """One number before it knows whose it is."""

    set: str
    metric: str
    subset: str
    estimate: Estimate
    on_truth: bool = False


def plan(workspace: Workspace, settings: EvaluationSettings) -> list[Shard]:
    """One shard a model."""
    workspace.require("images", "index IMAGES")
    rest = tuple(workspace.table_digest(name) for name in ("images", "truth", "groups"))
    return [
        Shard(model, (workspace.table_digest(f"predictions/{model}"), *rest), {"model": model})
        for model in models(workspace)
    ]


def work(workspace: Workspace, settings: EvaluationSettings, shard: Shard) -> Output:
    """All metrics of one model."""
    model = shard.args["model"]
    predictions = workspace.read(f"predictions/{model}")
    images = workspace.read("images", ["image_id", "class_idx"]).set_index("image_id")
    truth = workspace.read("truth", ["image_id", "labels", "main_label", "status", "sources"]).set_index("image_id")
    measured = [
        *on_photographs(_of(predictions, PHOTOGRAPHS), images, truth, settings.level),
        *on_variants(predictions, images, workspace.read("groups"), settings.level),
    ]
    version = workspace.table_digest("truth")[:12]
    sources = ",".join(sorted({source for row in truth["sources"] for source in row}))
    recipes = dict(zip(predictions["set"], predictions["recipe"], strict=True))
    return Output({"evaluation": [_row(model, m, recipes, version, sources) for m in measured]})


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


def on_variants(
    predictions: pd.DataFrame, images: pd.DataFrame, groups: pd.DataFrame, level: float
) -> Iterator[Measured]:
    """Group accuracy on each variant, in all and in each group, and the BG-Gap."""
    group_of = dict(zip(groups["class_idx"], groups["group"], strict=True))
    names = dict(zip(groups["group"], groups["name"], strict=True))
    hits = {name: group_hits(_of(predictions, name), images, group_of) for name in VARIANTS}
    for name, of in hits.items():
        if of.empty:
            continue
        yield Measured(name, "group_accuracy", ALL, share(of["hit"].to_numpy(bool), level))
        for group, part in of.groupby("group"):
            yield Measured(name, "group_accuracy", names[group], share(part["hit"].to_numpy(bool), level))
    same, rand = (hits[name] for name in BG_GAP)
    both = same.index.intersection(rand.index)
    if len(both):
        pair = [of.loc[both, "hit"].to_numpy(bool) for of in (same, rand)]
        yield Measured(",".join(BG_GAP), "bg_gap", ALL, paired_difference(pair[0], pair[1], level))


def group_hits(predictions: pd.DataFrame, images: pd.DataFrame, group_of: Mapping[int, int]) -> pd.DataFrame:
    """For each image its group, and whether the model's top-1 lies in it (columns group, hit)."""
    group = images.loc[predictions.index, "class_idx"].map(group_of)
    predicted = pd.Series(top_1(predictions), predictions.index).map(group_of)
    return pd.DataFrame({"group": group, "hit": (predicted == group).to_numpy(bool)}, index=predictions.index)


def top_1(predictions: pd.DataFrame) -> npt.NDArray[np.int64]:
    """``(N,)`` class index of the most probable class; -1: outside the vocabulary."""
    return np.array([row[0] for row in predictions["class_idx"]], np.int64)


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


STEP = Step("evaluate", 1, EvaluationSettings, plan, work)
