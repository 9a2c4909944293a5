"""Is a model right more often than by guessing? If not, its classes are probably in another order than the labels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reground.tasks.models import slug
from reground.tasks.schema import PHOTOGRAPHS, ClassIdx, ImageId
from reground.tasks.workspace import Shard, Workspace

MIN_IMAGES: Final = 100
"""Below this number of images no warning about a low accuracy is given."""
MAX_IMAGES: Final = 5_000
"""Photographs that are looked at: shards are cut by hashes, so the first ones are a random sample."""


def looks_random(correct: int, n: int, classes: int) -> bool:
    """Whether an accuracy is no better than chance: at most three standard deviations above 1/K.

    Args:
        correct: images whose label is the top-1 prediction, of ``n``.
        n: images; below `MIN_IMAGES` the answer is False.
        classes: number of classes, K.
    """
    if n < MIN_IMAGES or classes < 2:
        return False
    chance = 1 / classes
    return correct <= n * chance + 3 * math.sqrt(n * chance * (1 - chance))


def count_correct(
    workspace: Workspace, step: str, shard: Shard, latest: Sequence[Mapping[str, Any]]
) -> tuple[int, int]:
    """How many of the photographs predicted so far have their original label as the top-1, and how many there are.

    Args:
        workspace: with ``images``, and the predictions that are listed.
        step: that made them.
        shard: the last one of the model's photographs; ``hints["part"]`` is its file of ``images``.
        latest: its rows, which are not listed yet.
    """
    correct, n = _compare(_labels(workspace, shard.hints["part"]), latest)
    for labels, rows in _earlier(workspace, step, shard):
        if n >= MAX_IMAGES:
            break
        more_correct, more = _compare(labels, rows)
        correct, n = correct + more_correct, n + more
    return correct, n


def _earlier(
    workspace: Workspace, step: str, shard: Shard
) -> Iterator[tuple[dict[ImageId, ClassIdx], list[dict[str, Any]]]]:
    """Labels and predictions of each other shard of photographs."""
    model = slug(shard.args["model"])
    for images, part in workspace.parts("images"):
        name = f"{model}.{PHOTOGRAPHS}.{images.shard}"
        entry = workspace.entry(step, name) if name != shard.id else None
        if entry and f"predictions/{model}" in entry.tables:
            path = entry.tables[f"predictions/{model}"].path
            yield _labels(workspace, part.path), workspace.read_part(path, ["image_id", "class_idx"]).to_pylist()


def _labels(workspace: Workspace, path: str) -> dict[ImageId, ClassIdx]:
    rows = workspace.read_part(path, ["image_id", "class_idx"])
    return dict(zip(rows["image_id"].to_pylist(), rows["class_idx"].to_pylist(), strict=True))


def _compare(labels: Mapping[ImageId, ClassIdx], rows: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    top_1 = {row["image_id"]: row["class_idx"][0] for row in rows if row["image_id"] in labels}
    return sum(labels[image_id] == class_idx for image_id, class_idx in top_1.items()), len(top_1)
