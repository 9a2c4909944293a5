"""Masks: box -> foreground mask. Reads ``images``; writes ``masks``, ``dropped``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MaskSettings:
    """How a mask is made.

    Attributes:
        method: ``grabcut`` (Xiao et al. 2020).
        iterations: of GrabCut.
        seed: of GrabCut's random start; combined with each image_id.
        min_area: smallest foreground as a share of the box, below which the mask failed.
    """

    method: str = "grabcut"
    iterations: int = 5
    seed: int = 0
    min_area: float = 0.1
