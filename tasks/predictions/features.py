"""Features as the table ``features/MODEL`` has them: float16, a vector an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from reground.tasks.errors import RegroundError
from reground.tasks.schema import PredictionRow

LARGEST: Final = float(np.finfo(np.float16).max)


def as_float16(model: str, size: int, features: np.ndarray) -> npt.NDArray[np.float16]:
    """Features of a batch, ``(N, D) float16``.

    Args:
        model: name of the model.
        size: N.
        features: as the model gives them.

    Raises:
        RegroundError: another shape, or a value that is not finite or too large.
    """
    values = np.asarray(features)
    if values.ndim != 2 or len(values) != size or not values.shape[1]:
        raise RegroundError(f"expected features of '{model}' in the shape ({size}, D), got {values.shape}.")
    if not (np.abs(values) <= LARGEST).all():
        raise RegroundError(
            f"expected finite features of '{model}' up to {LARGEST:,.0f}, which float16 holds, got "
            f"{np.nanmin(values):g} to {np.nanmax(values):g}: its weights are damaged, or predict without --features."
        )
    return values.astype(np.float16)


def feature_table(rows: Sequence[PredictionRow], features: Sequence[npt.NDArray[np.float16]]) -> pa.Table:
    """The table ``features/MODEL`` of some predictions, whose features come in the same order, batch by batch."""
    width = features[0].shape[1] if features else 0
    values = np.concatenate([np.zeros((0, width), np.float16), *features])
    offsets = pa.array(np.arange(len(rows) + 1) * width, pa.int32())
    return pa.table(
        {
            "set": pa.array([row["set"] for row in rows], pa.string()),
            "image_id": pa.array([row["image_id"] for row in rows], pa.string()),
            "vector": pa.ListArray.from_arrays(offsets, pa.array(values.ravel(), pa.float16())),
            "recipe": pa.array([row["recipe"] for row in rows], pa.string()),
        }
    )
