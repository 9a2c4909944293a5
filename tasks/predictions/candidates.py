"""Candidate labels of each image, each with the reasons for it.

Reads ``images``, ``predictions/MODEL`` (the photographs); writes ``candidates``.
Source: Tsipras et al. 2020, section 3: the union of the models' top-5 and the original label.
Imported predictions may lack probabilities: they add labels, and do not enter the score.
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow registers its compute functions when it is imported.

from __future__ import annotations

import functools
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks.models import slug
from reground.tasks.predictions.step import STEP as PREDICT
from reground.tasks.schema import OUTSIDE, PHOTOGRAPHS, CandidateRow, ClassIdx, ImageId, PredictionRow, family
from reground.tasks.workspace import Output, Part, PositiveInt, Shard, Step, Workspace, overlaps

ORIGINAL_LABEL: Final = "original"
COLUMNS: Final = ("set", "image_id", "class_idx", "probability")


@dataclass(frozen=True)
class CandidateSettings:
    """Which predicted labels become candidates.

    Attributes:
        top_k: predicted classes taken from each model.
    """

    top_k: PositiveInt = 5


def models(workspace: Workspace) -> list[str]:
    """Models with predictions in this workspace, by the names of their tables."""
    return [name.partition("/")[2] for name in workspace.tables() if family(name) == "predictions"]


def plan(workspace: Workspace, settings: CandidateSettings) -> list[Shard]:
    """One shard for each file of ``images``, with the files of each model that hold predictions of its images."""
    workspace.require("images", "index IMAGES")
    images = workspace.parts("images")
    shards = [entry.shard for entry, _ in images]
    predictions = {model: _parts_of(workspace, model, shards) for model in models(workspace)}
    return [
        Shard(
            entry.shard,
            (part.digest, *(one.digest for parts in predictions.values() for one in parts[entry.shard])),
            {"models": list(predictions)},
            part.rows,
            {
                "part": part.path,
                "predictions": {
                    model: [one.path for one in parts[entry.shard]] for model, parts in predictions.items()
                },
            },
        )
        for entry, part in images
    ]


def work(workspace: Workspace, settings: CandidateSettings, shard: Shard) -> Output:
    """The union of labels for every image of a shard."""
    reasons: dict[tuple[ImageId, ClassIdx], list[str]] = defaultdict(list)
    probability_sum: dict[tuple[ImageId, ClassIdx], float] = defaultdict(float)
    images = workspace.read_part(shard.hints["part"], ["image_id", "class_idx"]).to_pylist()
    for image in images:
        reasons[image["image_id"], image["class_idx"]].append(ORIGINAL_LABEL)
    image_ids = [image["image_id"] for image in images]
    model_count: Counter[str] = Counter()
    for model in shard.args["models"]:
        for row in _predictions(workspace, shard.hints["predictions"][model], image_ids):
            image_id = row["image_id"]
            model_count[image_id] += not math.isnan(row["probability"][0])
            for rank, (class_idx, probability) in enumerate(_top(row, settings.top_k), start=1):
                reasons[image_id, class_idx].append(f"{model}:{rank}")
                probability_sum[image_id, class_idx] += 0.0 if math.isnan(probability) else probability
    rows = [
        _row(image_id, class_idx, label_reasons, _mean(probability_sum[image_id, class_idx], model_count[image_id]))
        for (image_id, class_idx), label_reasons in sorted(reasons.items())
    ]
    return Output({"candidates": rows})


def _shard(name: str, images: Part, predictions: Mapping[str, Sequence[Part]]) -> Shard:
    inputs = images.digest, *(part.digest for parts in predictions.values() for part in parts)
    paths = {model: [part.path for part in parts] for model, parts in predictions.items()}
    return Shard(name, inputs, {"models": [*paths]}, images.rows, {"part": images.path, "predictions": paths})


def _parts_of(workspace: Workspace, model: str, shards: Sequence[str]) -> dict[str, list[Part]]:
    """Shard of ``images`` -> the files that can hold a model's predictions of it; an import lies in one file."""
    prefix = f"{slug(model)}.{PHOTOGRAPHS}."
    predicted: dict[str, Part] = {}
    whole: list[Part] = []
    for entry, part in workspace.parts(f"predictions/{model}"):
        if entry.step != PREDICT.name:
            whole.append(part)
        elif entry.shard.startswith(prefix):
            predicted[entry.shard.removeprefix(prefix)] = part
    matches = overlaps(shards, list(predicted))
    return {shard: [*(predicted[name] for name in sorted(matches[shard])), *whole] for shard in shards}


def _predictions(workspace: Workspace, paths: Sequence[str], image_ids: Sequence[ImageId]) -> Iterator[PredictionRow]:
    """A model's predictions of some photographs."""
    wanted = pd.Index(list(image_ids), dtype="object")
    for path in paths:
        rows, index = _file(workspace.url, path)
        positions = index.get_indexer_for(wanted)
        yield from rows.take(positions[positions >= 0]).to_pylist()  # type: ignore[misc]


@functools.lru_cache(maxsize=64)
def _file(url: str, path: str) -> tuple[pa.Table, pd.Index]:
    # A file of an import is asked for by every shard; the name of a file changes with its content.
    rows = Workspace(url).read_part(path, COLUMNS)
    rows = rows.filter(pc.equal(rows["set"], PHOTOGRAPHS)).drop_columns(["set"])
    return rows, pd.Index(rows["image_id"].to_pylist(), dtype="object")


def _top(row: PredictionRow, k: int) -> list[tuple[ClassIdx, float]]:
    pairs = zip(row["class_idx"][:k], row["probability"][:k], strict=True)
    return [(ClassIdx(int(class_idx)), float(probability)) for class_idx, probability in pairs if class_idx != OUTSIDE]


def _mean(total: float, count: int) -> float | None:
    """None: no model gives probabilities for the image."""
    return total / count if count else None


def _row(image_id: ImageId, class_idx: ClassIdx, reasons: list[str], score: float | None) -> CandidateRow:
    return {"image_id": image_id, "class_idx": class_idx, "reasons": reasons, "score": score}


STEP = Step("candidates", 3, CandidateSettings, plan, work)
