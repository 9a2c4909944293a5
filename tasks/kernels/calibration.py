"""Whether a model's confidence is its accuracy: the reliability table and the expected calibration error.

Sources: Naeini, Cooper, Hauskrecht 2015 (expected calibration error); bins of equal mass as in Nixon et al. 2019,
Measuring calibration in deep learning, section 3 (adaptive calibration error, of the top-1 class alone); what a
calibrated model shows by chance: consistency resampling, Broecker and Smith 2007. The error is biased upwards, more so
the fewer images a bin has (Kumar, Liang, Ma 2019, Verified uncertainty calibration).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reground.tasks.kernels.intervals import Estimate, wilson

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Reliability(NamedTuple):
    """Bins of equal mass, from the least to the most confident; B of them, none empty.

    Attributes:
        n: ``(B,)`` images.
        confidence: ``(B,)`` mean confidence, 0 to 1.
        accuracy: ``(B,)`` share of correct images, 0 to 1.
    """

    n: Ints
    confidence: Floats
    accuracy: Floats


def reliability(confidence: Floats, correct: Floats, bins: int = 15) -> Reliability:
    """Mean confidence and accuracy by bins of equal mass; images of one confidence share a bin.

    Args:
        confidence: ``(N,)`` from 0 to 1.
        correct: ``(N,)`` 1 where the prediction is right, 0 where it is wrong.
        bins: bins wanted; there are fewer where images share a confidence.

    Examples:
        >>> table = reliability(np.array([0.5, 0.5, 1.0, 1.0]), np.array([0.0, 1.0, 1.0, 1.0]), bins=2)
        >>> table.n.tolist(), table.confidence.tolist(), table.accuracy.tolist()
        ([2, 2], [0.5, 1.0], [0.5, 1.0])
    """
    bin_of_image = equal_mass_bins(confidence, bins)
    n = np.bincount(bin_of_image)
    sums = (np.bincount(bin_of_image, weights=weights) for weights in (confidence, correct))
    mean_confidence, accuracy = (total / n for total in sums)
    return Reliability(n, mean_confidence, accuracy)


def equal_mass_bins(confidence: Floats, bins: int = 15) -> Ints:
    """``(N,)`` bin of each image, numbered from 0 without gaps; images of one confidence share a bin.

    Examples:
        >>> equal_mass_bins(np.array([0.9, 0.2, 0.9, 0.4, 0.3]), bins=2).tolist()
        [1, 0, 1, 1, 0]
    """
    _, inverse, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    # The bin of the middle image of those that share a confidence.
    middle = np.cumsum(counts) - counts / 2
    bin_of_value = np.minimum((middle * bins / max(len(confidence), 1)).astype(np.int64), bins - 1)
    return np.unique(bin_of_value, return_inverse=True)[1].astype(np.int64)[inverse]


def expected_calibration_error(table: Reliability) -> float:
    """Mean distance of accuracy and confidence over images, 0 to 1; lower is better.

    Examples:
        >>> expected_calibration_error(Reliability(np.array([2, 2]), np.array([0.5, 1.0]), np.array([0.5, 0.5])))
        0.25
    """
    return float((table.n * np.abs(table.accuracy - table.confidence)).sum() / max(table.n.sum(), 1))


class CalibrationError(NamedTuple):
    """The expected calibration error, and what chance alone makes of it.

    Attributes:
        error: with its bootstrap interval.
        chance: mean and interval of the error that calibrated models with these confidences show on as many images,
            because the accuracy of a bin is never exactly its confidence. An error within it is no sign of a fault.
    """

    error: Estimate
    chance: Estimate


def bootstrap_calibration_error(
    confidence: Floats,
    correct: Floats,
    probability: Floats,
    bins: int = 15,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> CalibrationError:
    """The expected calibration error with an interval, by a parametric bootstrap of the bins.

    The error is the sum of ``|S_b| / N`` over bins, where ``S_b`` is the sum over the images of a bin of whether they
    are correct, minus their confidence. A Poisson bootstrap of images gives ``S_b`` the variance
    ``sum of (correct - confidence)^2``, and labels that hold with a probability add ``sum of
    probability (1 - probability)``; resamples draw ``S_b`` from the normal distribution with that variance. Noise
    enters resamples twice, so their percentiles are shifted by the difference of their mean and the error: the
    interval is one of the error at this number of images and bins, bias included.

    Args:
        confidence: ``(N,)`` from 0 to 1.
        correct: ``(N,)`` 1 where the prediction is right, 0 where it is wrong.
        probability: ``(N,)`` that the prediction is right; ``correct`` itself where labels are certain.
        bins: bins wanted.
        resamples: number of resamples.
        seed: of the draws.
        level: of the intervals, 0 to 1.

    Examples:
        >>> confidence, correct = np.full(400, 0.9), np.tile([1.0, 0.0], 200)
        >>> error, chance = bootstrap_calibration_error(confidence, correct, correct)
        >>> [round(number, 2) for number in error], [round(number, 2) for number in chance]
        ([0.4, 0.34, 0.46, 400], [0.01, 0.0, 0.03, 400])
    """
    n = len(confidence)
    if n == 0:
        return CalibrationError(wilson(0, 0), wilson(0, 0))
    bin_of_image = equal_mass_bins(confidence, bins)
    total = np.bincount(bin_of_image, correct - confidence).astype(np.float64)
    noise = np.random.default_rng(seed).standard_normal((resamples, len(total)))

    def errors(centre: Floats, variance: Floats) -> Floats:
        spread = np.sqrt(np.bincount(bin_of_image, variance))
        return np.abs(centre + noise * spread).sum(axis=1) / n

    ends = (1 - level) / 2, (1 + level) / 2
    error = float(np.abs(total).sum() / n)
    samples = errors(total, (correct - confidence) ** 2 + probability * (1 - probability))
    below, above = np.quantile(samples, ends) - samples.mean()
    chance = errors(np.zeros(len(total)), confidence * (1 - confidence))
    low, high = np.quantile(chance, ends)
    return CalibrationError(
        Estimate(error, max(0.0, error + min(float(below), 0.0)), min(1.0, error + max(float(above), 0.0)), n),
        Estimate(float(chance.mean()), float(low), float(high), n),
    )
