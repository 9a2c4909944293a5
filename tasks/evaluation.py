"""Evaluate: every model on every set. Reads ``predictions/MODEL``, ``truth``, ``groups``; writes ``evaluation``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EvaluationSettings:
    """How models are judged.

    Attributes:
        level: of the intervals.
    """

    level: float = 0.95
