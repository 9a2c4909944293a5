"""Candidate labels of each image, each with the reasons for it.

Reads ``images``, ``predictions/MODEL`` (the photographs); writes ``candidates``.
Source: Tsipras et al. 2020, section 3: the union of the models' top-5 and the original label.
Imported predictions may lack probabilities: they add labels, and do not enter the score.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass

from reground.tasks.schema import OUTSIDE, PHOTOGRAPHS, CandidateRow, ClassIdx, ImageId, PredictionRow, family
from reground.tasks.workspace import Output, PositiveInt, Shard, Step, Workspace

ORIGINAL_LABEL = "original"


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
    """One shard: candidates are few and small."""
    workspace.require("images", "index IMAGES")
    names = models(workspace)
    digests = [workspace.table_digest(table) for table in ("images", *(f"predictions/{name}" for name in names))]
    images = sum(part.rows for _, part in workspace.parts("images"))
    return [Shard("all", tuple(digests), {"models": names}, images)]


def work(workspace: Workspace, settings: CandidateSettings, shard: Shard) -> Output:
    """The union of labels for every image."""
    reasons: dict[tuple[ImageId, ClassIdx], list[str]] = defaultdict(list)
    probability_sum: dict[tuple[ImageId, ClassIdx], float] = defaultdict(float)
    for image in workspace.read("images", ["image_id", "class_idx"]).itertuples():
        reasons[ImageId(str(image.image_id)), ClassIdx(int(image.class_idx))].append(ORIGINAL_LABEL)  # type: ignore[arg-type]
    images = {image_id for image_id, _ in reasons}
    model_count: Counter[str] = Counter()
    for model in shard.args["models"]:
        for row in predictions(workspace, model, PHOTOGRAPHS):
            image_id = row["image_id"]
            if image_id not in images:  # an imported prediction may be of an image without a file
                continue
            model_count[image_id] += not math.isnan(row["probability"][0])
            for rank, (class_idx, probability) in enumerate(_top(row, settings.top_k), start=1):
                reasons[image_id, class_idx].append(f"{model}:{rank}")
                probability_sum[image_id, class_idx] += 0.0 if math.isnan(probability) else probability
    rows = [
        _row(image_id, class_idx, label_reasons, probability_sum[image_id, class_idx] / max(1, model_count[image_id]))
        for (image_id, class_idx), label_reasons in sorted(reasons.items())
    ]
    return Output({"candidates": rows})


def predictions(workspace: Workspace, model: str, set_name: str) -> list[PredictionRow]:
    """The rows of ``predictions/MODEL`` for one set."""
    frame = workspace.read(f"predictions/{model}", ["set", "image_id", "class_idx", "probability"])
    return frame[frame["set"] == set_name].to_dict("records")  # type: ignore[return-value]


def _top(row: PredictionRow, k: int) -> list[tuple[ClassIdx, float]]:
    pairs = zip(row["class_idx"][:k], row["probability"][:k], strict=True)
    return [(ClassIdx(int(class_idx)), float(probability)) for class_idx, probability in pairs if class_idx != OUTSIDE]


def _row(image_id: ImageId, class_idx: ClassIdx, reasons: list[str], score: float) -> CandidateRow:
    return {"image_id": image_id, "class_idx": class_idx, "reasons": reasons, "score": score}


STEP = Step("candidates", 2, CandidateSettings, plan, work)
