"""Candidates: the labels worth asking about. Reads ``images``, ``predictions/MODEL``; writes ``candidates``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CandidateSettings:
    """Which predicted labels become candidates.

    Attributes:
        top_k: of each model.
    """

    top_k: int = 5
