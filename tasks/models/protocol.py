"""The interface of a model, and the recipe of its predictions."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from reground.tasks.models.preprocessing import Preprocessing


@dataclass(frozen=True)
class Recipe:
    """How predictions were computed; only numbers of equal recipes are comparable.

    Attributes:
        weights: name that the publisher gives them.
        weights_sha256: of all parameters and buffers, see `reground.tasks.models.network.weights_sha256`.
        preprocessing: see `reground.tasks.models.preprocessing`.
        decoder: library and version that decoded the files.
        precision: of the arithmetic, ``float32``.
        device: ``cpu`` or ``cuda``.
        framework: library and version that ran the network.
        processor: on a CPU, the instructions used and the images of a pass, on which last bits depend; else empty.
        plugin: distribution and version that provides the model; empty for a built-in model.
    """

    weights: str
    weights_sha256: str
    preprocessing: str
    decoder: str
    precision: str
    device: str
    framework: str
    processor: str = ""
    plugin: str = ""

    def to_json(self) -> str:
        """One line of JSON with sorted keys."""
        return json.dumps(self.to_dict(), sort_keys=True)

    def to_dict(self) -> dict[str, str]:
        """The fields by name, ``processor`` and ``plugin`` only where there is one."""
        return {name: value for name, value in asdict(self).items() if value or name not in ("processor", "plugin")}


class Model(Protocol):
    """A classifier: image -> probability of each class.

    Attributes:
        name: as in `reground.tasks.models.load`.
        class_count: C, the number of outputs.
        wnids: the WordNet id of each output, in order; empty where outputs match the workspace's classes
            by index.
        photograph: the publisher's evaluation preprocessing, for a photograph of any shape.
        square: preprocessing of a square image that is already cropped: resize only.
    """

    name: str
    class_count: int
    wnids: tuple[str, ...]
    photograph: Preprocessing
    square: Preprocessing

    def recipe(self, preprocessing: Preprocessing) -> Recipe:
        """The recipe of predictions with this preprocessing."""
        ...

    def predict(self, batch: np.ndarray) -> np.ndarray:
        """Probabilities.

        Args:
            batch: ``(N, 3, S, S) float32``, preprocessed; N at least 1.

        Returns:
            ``(N, C) float32``, rows sum to 1.

        Raises:
            RegroundError: not even one image fits into the device's memory, or the network
                returned NaN or infinity.
        """
        ...


@runtime_checkable
class FeatureModel(Model, Protocol):
    """A `Model` that also tells the features its answer rests on."""

    def predict_with_features(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities as `predict` gives them, and features, of one forward pass.

        Args:
            batch: as in `predict`.

        Returns:
            ``(N, C) float32`` probabilities, and ``(N, D) float32`` features, D the same for every batch: what the
            last layer reads, pooled over places.

        Raises:
            RegroundError: as in `predict`.
        """
        ...
