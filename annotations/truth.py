"""Truth: votes -> one row an image. Reads ``images``, ``candidates``, ``votes``; writes ``truth``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TruthSettings:
    """How votes become labels.

    Attributes:
        min_annotators: people who must have judged a label for it to be settled
            (5 in the published routing of Tsipras et al. 2020).
        ratio: a label is kept when its selection frequency is at least this share of the
            original label's (0.5 in the published routing).
    """

    min_annotators: int = 5
    ratio: float = 0.5
