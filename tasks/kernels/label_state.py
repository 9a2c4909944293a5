"""Whether there is a decision on a label, and with it whether an image is settled.

A label is *undecided* as long as too few people have judged it, or while it is tied; an image is *settled* once
its original label has been judged by enough people and none of its labels is undecided. The number of people and
the ratio are those of the published routing (Tsipras et al. 2020, section 3). A curator's decision stands for any
number of people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

TIE: Final = 0.5
"""Confidence at which as much speaks for a label as against it."""
TOLERANCE: Final = 1e-9
"""Of a probability that an iteration computes; shares of people are exact."""


@dataclass(frozen=True)
class JudgedLabels:
    """P labels that people were asked about.

    Attributes:
        image: ``(P,)`` index of the image.
        original: ``(P,) bool``, whether it is the image's original label.
        confidence: ``(P,)`` that it holds, 0 to 1, higher is surer.
        frequency: ``(P,)`` share of people who selected it, a maybe counting half, 0 to 1.
        annotators: ``(P,)`` people who judged it.
        decided: ``(P,) bool``, whether a curator decided it; its confidence is 1 or 0. None: no label.
    """

    image: Ints
    original: Bools
    confidence: Floats
    frequency: Floats
    annotators: Ints
    decided: Bools | None = None

    def by_curator(self) -> Bools:
        """``(P,) bool``: the labels that a curator decided."""
        return np.zeros(len(self.image), np.bool_) if self.decided is None else self.decided

    def hold(self, keep: float) -> Bools:
        """``(P,) bool``: the labels that hold, as far as they are decided.

        Args:
            keep: confidence from which on a label is kept, 0 to 1; a label that a curator rejects never is.
        """
        return (self.confidence >= keep) & ~(self.by_curator() & (self.confidence == 0))


def undecided(labels: JudgedLabels, min_annotators: int, ratio: float, keep: float) -> Bools:
    """``(P,) bool``: the labels on which there is no decision.

    - An original label judged by fewer than ``min_annotators`` people.
    - Another label judged by fewer people, as long as it may hold: somebody selected it, and at least ``ratio``
      times as often as the original label (as often as ``ratio`` where nobody was asked about that), or its
      confidence is at least ``keep``. The published routing asks no more about a label that is selected less
      often: it counts as rejected.
    - A label that is tied where ``keep`` is one half: its confidence is one half too, so that as many people
      said yes as no, or the method finds both equally likely. Any other ``keep`` puts a tie on one side.

    Args:
        labels: see `JudgedLabels`.
        min_annotators: people who must judge a label.
        ratio: share of the original label's frequency from which on a label may hold, 0 to 1.
        keep: confidence from which on a label is kept, 0 to 1.

    Examples:
        Five people judge the original label of one image and four other labels; the last two labels were shown
        to two of them only.

        >>> yes, people = np.array([5.0, 2.5, 2.0, 1.0, 0.0]), np.array([5, 5, 5, 2, 2])
        >>> share = yes / people
        >>> image, original = np.zeros(5, np.int64), np.array([True, False, False, False, False])
        >>> labels = JudgedLabels(image, original, share, share, people)
        >>> undecided(labels, min_annotators=5, ratio=0.5, keep=0.5).tolist()
        [False, True, False, True, False]
        >>> undecided(labels, min_annotators=5, ratio=0.5, keep=0.8).tolist()
        [False, False, False, True, False]
    """
    base = np.ones(int(labels.image.max(initial=-1)) + 1)
    base[labels.image[labels.original]] = labels.frequency[labels.original]
    selected = (labels.frequency > 0) & (labels.frequency >= ratio * base[labels.image])
    may_hold = labels.original | selected | (labels.confidence >= keep)
    tied = np.isclose(labels.confidence, TIE, rtol=0, atol=TOLERANCE) & (keep == TIE)
    return ((labels.annotators < min_annotators) & may_hold | tied) & ~labels.by_curator()


def settled(labels: JudgedLabels, is_undecided: Bools, original_known: Bools, min_annotators: int) -> Bools:
    """``(N,) bool``: the images whose labels people have settled.

    No label is undecided, and at least ``min_annotators`` people, or a curator, judged the original label; where
    nobody knows that, some label.

    Args:
        labels: of N images.
        is_undecided: ``(P,) bool``, see `undecided`.
        original_known: ``(N,) bool``, whether the image has an original label, judged or not.
        min_annotators: people who must judge a label.

    Examples:
        Five people reject a label of two images; of the second nobody was asked about the original label.

        >>> image, original = np.array([0, 0, 1]), np.array([True, False, False])
        >>> share = np.array([1.0, 0.0, 0.0])
        >>> labels = JudgedLabels(image, original, share, share, np.array([5, 5, 5]))
        >>> pending = undecided(labels, min_annotators=5, ratio=0.5, keep=0.5)
        >>> settled(labels, pending, np.array([True, True]), min_annotators=5).tolist()
        [True, False]
    """
    judged = (labels.annotators >= min_annotators) | labels.by_curator()
    decisive = judged & (labels.original | ~original_known[labels.image])
    size = len(original_known)
    return (np.bincount(labels.image[decisive], minlength=size) > 0) & (
        np.bincount(labels.image[is_undecided], minlength=size) == 0
    )
