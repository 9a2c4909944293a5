"""Outcomes of pairs of a foreground and a background, and the verdicts on foregrounds that follow.

Source of the verdict: MadryLab/backgrounds_challenge, challenge_eval.py: a foreground is vulnerable if
any background, of its own group and its own included, makes the most probable class lie in another
group or in none. Beside it stands the stricter outcome, see `Found.outcome`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from reground.tasks.adversarial.inputs import SearchInputs

NOT_TRIED: Final = -2
"""In the place of a class, where a pair was not tried."""
NO_BACKGROUND: Final = -1
"""In the place of a background's position."""


def fooled(predicted: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Wrong as published: another group, or none."""
    return predicted != own


def misled(predicted: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Turned into another group."""
    return (predicted >= 0) & (predicted != own)


@dataclass
class Outcomes:
    """What is known of R foregrounds on B backgrounds; grows with every pair tried.

    Attributes:
        inputs: they are of.
        rows: ``(R,) int``, positions of the foregrounds in the scene.
        predicted: ``(R, B) int32``, class, -1: outside the vocabulary, `NOT_TRIED`.
        probability: ``(R, B) float32``, of that class.
        margin: ``(R, B) float32``, see `reground.tasks.models.compositor.CompositeOutput`; NaN: not tried.
    """

    inputs: SearchInputs
    rows: np.ndarray
    predicted: np.ndarray
    probability: np.ndarray
    margin: np.ndarray

    @classmethod
    def none(cls, inputs: SearchInputs, rows: np.ndarray) -> Outcomes:
        """Nothing tried yet."""
        shape = (len(rows), len(inputs.backgrounds))
        predicted = np.full(shape, NOT_TRIED, np.int32)
        return cls(inputs, rows, predicted, np.zeros(shape, np.float32), np.full(shape, np.nan, np.float32))

    @property
    def group(self) -> np.ndarray:
        """``(R,) int``, of the foregrounds."""
        return self.inputs.foreground_group[self.rows]

    @property
    def tried(self) -> np.ndarray:
        """``(R, B) bool``."""
        return self.predicted != NOT_TRIED

    @property
    def predicted_group(self) -> np.ndarray:
        """``(R, B) int``, the group predicted; -1: in none, or not tried."""
        return self.inputs.groups_of(self.predicted)

    @property
    def other(self) -> np.ndarray:
        """``(R, B) bool``: foreground and background are of different groups."""
        return self.group[:, None] != self.inputs.background_group


@dataclass
class SearchResult:
    """What a search has found of R foregrounds.

    Attributes:
        outcomes: all pairs tried.
        clean: ``(R,) int32``, class predicted on the original.
        fooled_by: ``(R,) int``, position of the first background found that fools the model, or `NO_BACKGROUND`.
        misled_by: the same of the first of another group that turns the foreground into another group.
        passes: ``(R,) int``, until the verdict was known.
        outcome_passes: ``(R,) int``, further ones until the outcome was known.
    """

    outcomes: Outcomes
    clean: np.ndarray
    fooled_by: np.ndarray
    misled_by: np.ndarray
    passes: np.ndarray
    outcome_passes: np.ndarray

    @property
    def clean_correct(self) -> np.ndarray:
        """``(R,) bool``."""
        return self.outcomes.inputs.groups_of(self.clean) == self.outcomes.group

    @property
    def outcome(self) -> list[str | None]:
        """What backgrounds of other groups do at worst to each foreground that is right on its original:
        ``misled`` (into another group), ``unmapped`` (into a class in no group), or it is ``robust``.
        """
        outcomes = self.outcomes
        unmapped = (outcomes.tried & outcomes.other & (outcomes.predicted_group < 0)).any(axis=1)
        named = np.where(self.misled_by != NO_BACKGROUND, "misled", np.where(unmapped, "unmapped", "robust"))
        return [str(name) if right else None for name, right in zip(named, self.clean_correct, strict=True)]
