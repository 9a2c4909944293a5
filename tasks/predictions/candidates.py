"""Candidates: the labels worth asking about, each with the reason it is there.

Reads ``images``, ``predictions/MODEL`` (the photographs); writes ``candidates``.
Source: Tsipras et al. 2020, section 3: the union of the models' top-5 and the original label.
Imported predictions may lack probabilities: they name labels, and leave the score to the other models.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reground.tasks.schema import OUTSIDE, PHOTOGRAPHS, family
from reground.tasks.workspace import Output, Shard, Step, Workspace

ORIGINAL = "original"


@dataclass(frozen=True)
class CandidateSettings:
    """Which predicted labels become candidates.

    Attributes:
        top_k: predictions taken of each model.
    """

    top_k: int = 5


def models(workspace: Workspace) -> list[str]:
    """The models that have predicted in this workspace, by the names of their tables."""
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
    reasons: dict[tuple[str, int], list[str]] = defaultdict(list)
    mass: dict[tuple[str, int], float] = defaultdict(float)
    for image in workspace.read("images", ["image_id", "class_idx"]).itertuples():
        reasons[str(image.image_id), int(image.class_idx)].append(ORIGINAL)  # type: ignore[arg-type]
    images = {image_id for image_id, _ in reasons}
    voters: Counter[str] = Counter()
    for model in shard.args["models"]:
        for row in predictions(workspace, model, PHOTOGRAPHS):
            image_id = row["image_id"]
            if image_id not in images:  # imported, of an image that is not at hand
                continue
            voters[image_id] += not math.isnan(row["probability"][0])
            for rank, (class_idx, probability) in enumerate(_top(row, settings.top_k), start=1):
                reasons[image_id, class_idx].append(f"{model}:{rank}")
                mass[image_id, class_idx] += 0.0 if math.isnan(probability) else probability
    return Output(
        {"candidates": [_row(key, why, mass[key] / max(1, voters[key[0]])) for key, why in sorted(reasons.items())]}
    )


def predictions(workspace: Workspace, model: str, of_set: str) -> list[dict[str, Any]]:
    """The rows of ``predictions/MODEL`` for one set."""
    frame = workspace.read(f"predictions/{model}", ["set", "image_id", "class_idx", "probability"])
    return frame[frame["set"] == of_set].to_dict("records")  # type: ignore[return-value]


def _top(row: Mapping[str, Any], k: int) -> list[tuple[int, float]]:
    pairs = zip(row["class_idx"][:k], row["probability"][:k], strict=True)
    return [(int(class_idx), float(probability)) for class_idx, probability in pairs if class_idx != OUTSIDE]


def _row(key: tuple[str, int], why: list[str], score: float) -> dict[str, Any]:
    return {"image_id": key[0], "class_idx": key[1], "reasons": why, "score": score}


STEP = Step("candidates", 2, CandidateSettings, plan, work)
