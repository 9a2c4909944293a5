"""What all models say of the photographs: their probability of the label, and of the classes they list."""

# pyright: reportAttributeAccessIssue=false
# pyarrow registers its compute functions when it is imported.

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks.schema import OUTSIDE, PHOTOGRAPHS, ImageId, family
from reground.tasks.workspace import Workspace

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
NONE: Final = -2
"""No answer: the model has no prediction of the image."""
COLUMNS = ("set", "image_id", "class_idx", "probability", "original_probability")


@dataclass(frozen=True)
class Ensemble:
    """M models on N photographs.

    Attributes:
        models: names of the models.
        image_ids: of the photographs, sorted.
        labels: ``(N,)`` original labels.
        of_label: ``(M, N)`` probability of the label; NaN: the model does not tell.
        classes: ``(M, N, K)`` classes that the model lists, the most probable first; -1: outside the vocabulary, or
            none.
        probability: ``(M, N, K)`` of each; 0 where there is none; NaN: imported without.
    """

    models: tuple[str, ...]
    image_ids: list[ImageId]
    labels: Ints
    of_label: Floats
    classes: Ints
    probability: Floats


def predicted_models(workspace: Workspace) -> tuple[str, ...]:
    """Models with predictions, by the names of their tables."""
    return tuple(name.partition("/")[2] for name in workspace.tables() if family(name) == "predictions")


def load_ensemble(workspace: Workspace) -> Ensemble:
    """All predictions on photographs."""
    images = workspace.read("images", ["image_id", "class_idx"]).sort_values("image_id")
    image_ids, labels = [ImageId(name) for name in images["image_id"]], images["class_idx"].to_numpy(np.int64)
    models = predicted_models(workspace)
    sides = [_model(workspace, model, image_ids, labels) for model in models]
    width = max((classes.shape[1] for _, classes, _ in sides), default=0)
    shape = len(models), len(image_ids), width
    classes, probability = np.full(shape, OUTSIDE, np.int64), np.zeros(shape)
    for number, (_, listed, values) in enumerate(sides):
        classes[number, :, : listed.shape[1]] = listed
        probability[number, :, : listed.shape[1]] = values
    of_label = np.stack([values for values, _, _ in sides]) if sides else np.zeros((0, len(image_ids)))
    return Ensemble(models, image_ids, labels, of_label, classes, probability)


def first_answers(ensemble: Ensemble) -> Ints:
    """``(M, N)`` first answer of each model; `NONE`: it has no prediction of the image."""
    if not ensemble.classes.shape[2]:
        return np.full(ensemble.of_label.shape, NONE, np.int64)
    missing = (ensemble.classes == OUTSIDE).all(axis=2) & (ensemble.probability == 0).all(axis=2)
    return np.where(missing, NONE, ensemble.classes[:, :, 0])


def _model(workspace: Workspace, model: str, image_ids: list[ImageId], labels: Ints) -> tuple[Floats, Ints, Floats]:
    """One model: of the label ``(N,)``, the classes ``(N, K)`` that it lists, and their probability."""
    index = pd.Index(image_ids, dtype="object")
    parts = [part.filter(pc.field("set") == PHOTOGRAPHS) for _, part in workspace.scan(f"predictions/{model}", COLUMNS)]
    width = max((int(pc.max(pc.list_value_length(part["class_idx"])).as_py() or 0) for part in parts), default=0)
    of_label = np.full(len(image_ids), np.nan)
    classes = np.full((len(image_ids), width), OUTSIDE, np.int64)
    probability = np.zeros((len(image_ids), width))
    for part in parts:
        rows = index.get_indexer(part["image_id"].to_pylist())
        here = rows >= 0
        if not here.any():
            continue
        listed, values = _padded(part["class_idx"], width, OUTSIDE), _padded(part["probability"], width, 0)
        rows = rows[here]
        classes[rows], probability[rows] = listed[here], values[here]
        of_label[rows] = part["original_probability"].to_pandas().to_numpy(np.float64, na_value=np.nan)[here]
    return _with_listed(of_label, classes, probability, labels), classes, probability


def _with_listed(of_label: Floats, classes: Ints, probability: Floats, labels: Ints) -> Floats:
    """The probability of the label: as listed, where it is listed, else as the model tells."""
    listed = classes == labels[:, None]
    rows = listed.any(axis=1)
    return np.where(rows, np.where(listed, probability, 0).sum(axis=1), of_label)


def _padded(lists: pa.ChunkedArray, width: int, fill: float) -> npt.NDArray[np.float64]:
    """Lists as an array ``(N, W)``, short ones filled up."""
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    array = np.full((len(lengths), width), float(fill))
    array[np.arange(width) < lengths[:, None]] = pc.list_flatten(lists).to_numpy(zero_copy_only=False)
    return array
