"""What a model says of a batch, checked, as rows of ``predictions/MODEL`` and as features."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from reground.tasks import models
from reground.tasks.errors import RegroundError
from reground.tasks.kernels.class_probability import class_probability, entropy
from reground.tasks.kernels.topk import top_k
from reground.tasks.models import FeatureModel, Model
from reground.tasks.predictions.features import as_float16
from reground.tasks.schema import ClassIdx, ImageId, PredictionRow

Forward = Callable[[np.ndarray], tuple[np.ndarray, npt.NDArray[np.float16] | None]]
"""A batch -> probabilities ``(N, C) float32`` and features ``(N, D) float16``, if they are asked for.

Raises RegroundError: the model returns another shape, or values that cannot be.
"""


def forward_pass(model: Model, features: bool) -> Forward:
    """What is asked of a model for each batch.

    Raises:
        UsageError: features of a model that has none.
    """
    if not features:
        return lambda batch: (_check_probability(model, len(batch), model.predict(batch)), None)
    if not isinstance(model, FeatureModel):
        raise models.no_features(model.name)

    def forward(batch: np.ndarray) -> tuple[np.ndarray, npt.NDArray[np.float16]]:
        probability, values = model.predict_with_features(batch)
        return _check_probability(model, len(batch), probability), as_float16(model.name, len(batch), values)

    return forward


def _check_probability(model: Model, size: int, values: np.ndarray) -> np.ndarray:
    """Class probabilities of a batch, ``(N, C) float32``.

    Raises:
        RegroundError: the model returns another shape, or values outside 0 to 1.
    """
    probability = np.asarray(values, np.float32)
    expected = size, model.class_count
    if probability.shape != expected or not ((probability >= 0) & (probability <= 1.001)).all():
        raise RegroundError(
            f"expected probabilities of '{model.name}' in the shape {expected}, got {probability.shape} from "
            f"{probability.min(initial=np.inf):g} to {probability.max(initial=-np.inf):g}."
        )
    return probability


def prediction_rows(
    keys: Sequence[tuple[ImageId, ClassIdx]],
    probability: np.ndarray,
    class_of: np.ndarray,
    k: int,
    set_name: str,
    recipe: str,
) -> Iterator[PredictionRow]:
    """Rows of a batch.

    Args:
        keys: image and its original label, in the order of the batch.
        probability: ``(N, C) float32``.
        class_of: ``(C,) int32``, the class of each output.
        k: classes kept for each image.
        set_name: set of the images.
        recipe: how the predictions were made.
    """
    class_idx, best = top_k(probability, class_of, k)
    labels = np.array([label for _, label in keys], np.int32)
    of_label = class_probability(probability, class_of, labels).astype(np.float64).round(6)
    columns = class_idx.tolist(), best.round(6).tolist(), of_label.tolist(), entropy(probability).round(6).tolist()
    for (image_id, _), ranked, values, original, spread in zip(keys, *columns, strict=True):
        yield {
            "set": set_name,
            "image_id": image_id,
            "class_idx": ranked,
            "probability": values,
            "original_probability": None if math.isnan(original) else original,
            "entropy": spread,
            "recipe": recipe,
        }
