"""The rows of a file of predictions, matched with the images and classes of a workspace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from reground.tasks.errors import UsageError
from reground.tasks.images import LabelError, LabelIndex, resolve_label
from reground.tasks.imports import ImageMatchError
from reground.tasks.kernels.class_probability import entropy
from reground.tasks.predictions.files import FileRow, Label
from reground.tasks.predictions.set_images import STAGE, SetImages
from reground.tasks.schema import (
    OUTSIDE,
    ClassIdx,
    DroppedRow,
    DropReason,
    ImageId,
    PredictionRow,
    dropped_row,
)

OUTSIDE_WORDS: Final = (str(OUTSIDE), f"{OUTSIDE}.0")
"""How a file spells a class outside the vocabulary."""
WHOLE: Final = 1e-3
"""Largest difference from 1 of the sum of all probabilities, which files round."""


@dataclass
class FileRows:
    """The rows of a file: those that become predictions, and those left out."""

    predictions: list[PredictionRow] = field(default_factory=list[PredictionRow])
    dropped: list[DroppedRow] = field(default_factory=list[DroppedRow])
    repeated: int = 0

    def drop(self, row: FileRow, reason: DropReason, detail: str) -> None:
        self.dropped.append(dropped_row(STAGE, row.image_id, reason, f"{row.location}: {detail}"))


def match_rows(rows: Iterable[FileRow], images: SetImages, index: LabelIndex, default_recipe: str) -> FileRows:
    """Match the rows of a file.

    Args:
        rows: of the file.
        images: of the workspace, by set.
        index: of its classes.
        default_recipe: of rows without one.

    Raises:
        UsageError: a set is unknown, a row names a class twice, or two rows contradict each other.
    """
    matches = FileRows()
    first_rows: dict[tuple[str, ImageId], tuple[str, PredictionRow]] = {}
    for row in rows:
        try:
            prediction = _prediction(row, images, index, default_recipe)
        except ImageMatchError as error:
            matches.drop(row, DropReason.IMAGE_UNKNOWN, str(error))
            continue
        except LabelError as error:
            matches.drop(row, DropReason.LABEL_UNKNOWN, str(error))
            continue
        key = row.set_name, prediction["image_id"]
        first_location, first = first_rows.setdefault(key, (row.location, prediction))
        if first_location == row.location:
            matches.predictions.append(prediction)
        elif str(first) == str(prediction):  # NaN equals NaN as text
            matches.repeated += 1
        else:
            raise UsageError(
                f"{row.location}: predicts {list(row.labels)} for {prediction['image_id']}, but {first_location} says "
                "otherwise: keep one of the two."
            )
    return matches


def _prediction(row: FileRow, images: SetImages, index: LabelIndex, default_recipe: str) -> PredictionRow:
    """A row as one of ``predictions``.

    Raises:
        ImageMatchError: its image is not there.
        LabelError: a label names no class, or several.
        UsageError: its set is unknown, or two labels name the same class.
    """
    image_id = images.match(row.location, row.set_name, row.image_id)
    class_idx = [_resolve(label, index) for label in row.labels]
    known = [label for label in class_idx if label != OUTSIDE]
    if len(set(known)) < len(known):
        raise UsageError(f"{row.location}: expected every class once, found {list(row.labels)}")
    return {
        "set": row.set_name,
        "image_id": image_id,
        "class_idx": class_idx,
        "probability": list(row.probability),
        # The original label may be another one tomorrow; where the list holds it, its probability is there.
        "original_probability": None,
        "entropy": row.entropy if row.entropy is not None else _entropy(row, len(index.classes)),
        "recipe": row.recipe or default_recipe,
    }


def _entropy(row: FileRow, classes: int) -> float | None:
    """Nats, where the row has the probability of every class; else None."""
    whole = len(row.labels) == classes and abs(sum(row.probability) - 1) < WHOLE  # never so with NaN
    return float(entropy(np.array([row.probability], np.float32))[0]) if whole else None


def _resolve(label: Label, index: LabelIndex) -> ClassIdx:
    return OUTSIDE if str(label).strip() in OUTSIDE_WORDS else resolve_label(str(label), index)
