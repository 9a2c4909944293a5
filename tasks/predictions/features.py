"""Features as the table ``features/MODEL`` has them: float16, a vector an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypedDict

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from reground.tasks.errors import RegroundError
from reground.tasks.schema import ImageId

ERROR: Final = 0.01
"""Largest error of float16 in a vector, as a share of the vector's largest number: those below 3e-6 have more."""
RANGE: Final = f"finite numbers up to {float(np.finfo(np.float16).max):,.0f}, the largest at least 3e-6 or all zero"
"""What a vector must hold for float16 to keep it."""


class FeatureKey(TypedDict):
    """Of which image a vector is, and how it was made."""

    set: str
    image_id: ImageId
    recipe: str


def to_float16(values: np.ndarray) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.bool_]]:
    """Vectors in float16, and which of them it keeps.

    Args:
        values: ``(N, D)``, real numbers.

    Returns:
        ``(N, D) float16`` and ``(N,) bool``: False where a number is not finite or too large, or where the vector is
        so small that float16 has none of it, or little.

    Examples:
        >>> to_float16(np.array([[0.5, -2.0], [0.0, 0.0], [1e-9, 0.0], [1e6, 0.0], [np.nan, 0.0]]))[1].tolist()
        [True, True, False, False, False]
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        rounded = values.astype(np.float16)
        error = np.abs(values - rounded).max(axis=1)
        return rounded, np.isfinite(rounded).all(axis=1) & (error <= ERROR * np.abs(values).max(axis=1))


def as_float16(model: str, size: int, features: np.ndarray) -> npt.NDArray[np.float16]:
    """Features of a batch, ``(N, D) float16``.

    Args:
        model: name of the model.
        size: N.
        features: as the model gives them.

    Raises:
        RegroundError: another shape, or a vector that float16 does not keep.
    """
    values = np.asarray(features)
    if values.ndim != 2 or len(values) != size or not values.shape[1]:
        raise RegroundError(f"expected features of '{model}' in the shape ({size}, D), got {values.shape}.")
    rounded, fits = to_float16(values)
    if not fits.all():
        row = values[np.flatnonzero(~fits)[0]]
        raise RegroundError(
            f"expected features of '{model}' that float16 holds ({RANGE}), got {row.min():g} to {row.max():g}: its "
            "weights are damaged, or predict without --features."
        )
    return rounded


def feature_table(keys: Sequence[FeatureKey], vectors: npt.NDArray[np.float16]) -> pa.Table:
    """The table ``features/MODEL``.

    Args:
        keys: of N images.
        vectors: ``(N, D)``, in the same order.
    """
    offsets = pa.array(np.arange(len(keys) + 1) * vectors.shape[1], pa.int32())
    return pa.table(
        {
            "set": pa.array([key["set"] for key in keys], pa.string()),
            "image_id": pa.array([key["image_id"] for key in keys], pa.string()),
            "vector": pa.ListArray.from_arrays(offsets, pa.array(vectors.ravel(), pa.float16())),
            "recipe": pa.array([key["recipe"] for key in keys], pa.string()),
        }
    )
