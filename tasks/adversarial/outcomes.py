"""Outcomes of pairs of a foreground and a background, and the verdict on each foreground.

Source of the verdict: MadryLab/backgrounds_challenge, challenge_eval.py: a foreground is vulnerable if
any background, of its own group and its own included, makes the most probable class lie in another
group or in none. `SearchResult.outcome` is a stricter criterion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from reground.tasks.adversarial.inputs import SearchInputs

NOT_TRIED: Final = -2
"""Predicted class of a pair that was not tried."""
NO_BACKGROUND: Final = -1
"""Position of a background where there is none."""


def fooled(predicted: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Whether the predicted group is wrong, as published: another group, or none (-1)."""
    return predicted != own


def misled(predicted: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Whether the predicted group is another group; none (-1) does not count."""
    return (predicted >= 0) & (predicted != own)


@dataclass
class Outcomes:
    """Predictions on R foregrounds x B backgrounds; filled as pairs are tried.

    Attributes:
        inputs: foregrounds and backgrounds.
        rows: ``(R,) int``, positions of the foregrounds in ``inputs``.
        predicted: ``(R, B) int32``, class; -1: outside the vocabulary; `NOT_TRIED`.
        probability: ``(R, B) float32``, of that class, 0 to 1.
        margin: ``(R, B) float32``, see `reground.tasks.models.compositor.CompositeOutput`; NaN: not tried.
    """

    inputs: SearchInputs
    rows: np.ndarray
    predicted: np.ndarray
    probability: np.ndarray
    margin: np.ndarray

    @classmethod
    def none(cls, inputs: SearchInputs, rows: np.ndarray) -> Outcomes:
        """Outcomes without any pair tried."""
        shape = (len(rows), len(inputs.backgrounds))
        predicted = np.full(shape, NOT_TRIED, np.int32)
        return cls(inputs, rows, predicted, np.zeros(shape, np.float32), np.full(shape, np.nan, np.float32))

    @property
    def group(self) -> np.ndarray:
        """``(R,) int``, groups of the foregrounds."""
        return self.inputs.foreground_group[self.rows]

    @property
    def tried(self) -> np.ndarray:
        """``(R, B) bool``: whether the pair was tried."""
        return self.predicted != NOT_TRIED

    @property
    def predicted_group(self) -> np.ndarray:
        """``(R, B) int``, the predicted group; -1: class in no group, or not tried."""
        return self.inputs.groups_of(self.predicted)

    @property
    def other(self) -> np.ndarray:
        """``(R, B) bool``: foreground and background are of different groups."""
        return self.group[:, None] != self.inputs.background_group


@dataclass
class SearchResult:
    """Result of a search over R foregrounds.

    Attributes:
        outcomes: all pairs tried.
        clean: ``(R,) int32``, class predicted on the original.
        fooled_by: ``(R,) int``, position of the first background tried that fools the model, or `NO_BACKGROUND`.
        misled_by: ``(R,) int``, the same for the first background of another group that changes the prediction
            to another group.
        passes: ``(R,) int``, forward passes until the verdict is final.
        outcome_passes: ``(R,) int``, further passes until the outcome is final.
    """

    outcomes: Outcomes
    clean: np.ndarray
    fooled_by: np.ndarray
    misled_by: np.ndarray
    passes: np.ndarray
    outcome_passes: np.ndarray

    @property
    def clean_correct(self) -> np.ndarray:
        """``(R,) bool``: whether the original is classified into its group."""
        return self.outcomes.inputs.groups_of(self.clean) == self.outcomes.group

    @property
    def outcome(self) -> list[str | None]:
        """``(R,)``, the worst outcome on backgrounds of other groups: ``misled`` (predicted as another group),
        ``unmapped`` (only as a class in no group) or ``robust``; None: wrong on the original already.
        """
        outcomes = self.outcomes
        has_unmapped = (outcomes.tried & outcomes.other & (outcomes.predicted_group < 0)).any(axis=1)
        worst = np.where(self.misled_by != NO_BACKGROUND, "misled", np.where(has_unmapped, "unmapped", "robust"))
        return [str(name) if right else None for name, right in zip(worst, self.clean_correct, strict=True)]
