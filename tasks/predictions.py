"""Predict: photographs and variants -> top-k of each model. Writes ``predictions/MODEL``."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.schema import PHOTOGRAPHS, VARIANTS


@dataclass(frozen=True)
class PredictionSettings:
    """Which models see what.

    Attributes:
        models: names, see `tasks.models`.
        on: ``photographs`` and names of variants.
        top_k: predictions kept for each image.
        batch_size: images in a forward pass; changes the speed, and the last bits of probabilities.
        device: ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.
    """

    models: tuple[str, ...] = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
    on: tuple[str, ...] = (PHOTOGRAPHS, *VARIANTS)
    top_k: int = 5
    batch_size: int = 32
    device: str = "auto"
