"""Resamples of images and of their labels, for many models at once.

Source of the weights: Poisson bootstrap (Hanley and MacGibbon 2006, Computer Methods and Programs in
Biomedicine 83:57-62): each image comes Poisson(1) times. All sums are whole numbers below 2**24, which
float32 adds without rounding: the same on every machine, with any number of cores.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

CELLS: Final = 1 << 22
"""Labels times resamples drawn at a time: some 60 MB."""


@dataclass(frozen=True)
class Resamples:
    """What R resamples add up to, in each of S consecutive parts of the images.

    Attributes:
        hits: ``(S, R, M)`` images on which each model's label holds.
        fixed: ``(S, R, F)`` sums of each fixed column.
    """

    hits: Floats
    fixed: Floats


def resample(
    part: Ints, image: Ints, probability: Floats, selected: Floats, fixed: Floats, resamples: int, seed: int
) -> Resamples:
    """Draw images with replacement, and for each resample anew whether each label holds.

    Args:
        part: ``(N,)`` part of each image, ascending from 0.
        image: ``(P,)`` the image of each label, ascending.
        probability: ``(P,)`` that the label holds, independently of all others.
        selected: ``(P, M)`` 1 where the label is the model's.
        fixed: ``(N, F)`` what else to add up, whole numbers that do not depend on labels.
        resamples: R.
        seed: of the draws.

    Examples:
        >>> part, image = np.zeros(4, np.int64), np.arange(4)  # one part, one label an image
        >>> probability, selected = np.array([1.0, 1.0, 1.0, 0.0]), np.ones((4, 1), np.float32)
        >>> fixed = np.ones((4, 1), np.float32)  # counts the images
        >>> sums = resample(part, image, probability, selected, fixed, resamples=3, seed=0)
        >>> sums.hits[0, :, 0].tolist(), sums.fixed[0, :, 0].tolist()
        ([1.0, 5.0, 3.0], [4.0, 7.0, 6.0])
    """
    parts = int(part.max(initial=-1)) + 1
    images = _slices(part, parts)
    labels = _slices(part[image], parts)
    shape = (parts, resamples)
    sums = Resamples(
        np.zeros((*shape, selected.shape[1]), np.float32),
        np.zeros((*shape, fixed.shape[1]), np.float32),
    )
    rng = np.random.default_rng(seed)
    for span in _blocks(resamples, max(len(image), len(part))):
        count = span.stop - span.start
        weight = rng.poisson(1.0, (count, len(part))).astype(np.float32)
        labels_hold = rng.random((count, len(image)), np.float32) < probability
        for n in range(parts):
            sums.fixed[n, span] = weight[:, images[n]] @ fixed[images[n]]
            rows = labels[n]
            sums.hits[n, span] = (weight[:, image[rows]] * labels_hold[:, rows]) @ selected[rows]
    return sums


def _slices(part: Ints, parts: int) -> list[slice]:
    """Where each part lies in something ordered by it."""
    ends = np.searchsorted(part, np.arange(parts + 1)).tolist()
    return [slice(start, end) for start, end in pairwise(ends)]


def _blocks(resamples: int, width: int) -> Iterator[slice]:
    step = max(1, CELLS // max(1, width))
    for start in range(0, resamples, step):
        yield slice(start, min(start + step, resamples))
