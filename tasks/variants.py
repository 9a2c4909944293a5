"""Variants: the eight ImageNet-9 variants. Reads ``images``, ``masks``; writes ``variants/NAME``, ``groups``, ``dropped``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VariantSettings:
    """Which variants, and how they are composed.

    Attributes:
        groups: ``imagenet9``, or a JSON or CSV file of own groups.
        compose: ``mask`` (the mask says what is foreground).
        seed: of the choice of backgrounds; combined with each image_id.
        size: side of the square variant images, pixels.
    """

    groups: str = "imagenet9"
    compose: str = "mask"
    seed: int = 0
    size: int = 224
