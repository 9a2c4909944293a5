"""Whether a model's confidence is its accuracy: the reliability table and the expected calibration error.

Source: Naeini, Cooper, Hauskrecht 2015 (expected calibration error); bins of equal mass as in Nixon et al. 2019,
Measuring calibration in deep learning, section 3 (adaptive calibration error, of the top-1 class alone).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

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
    _, inverse, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    # The bin of the middle image of those that share a confidence.
    middle = np.cumsum(counts) - counts / 2
    bin_of_value = np.minimum((middle * bins / max(len(confidence), 1)).astype(np.int64), bins - 1)
    bin_of_image = bin_of_value[inverse]
    n = np.bincount(bin_of_image, minlength=bins)
    used = n > 0
    sums = (np.bincount(bin_of_image, weights=weights, minlength=bins)[used] for weights in (confidence, correct))
    mean_confidence, accuracy = (total / n[used] for total in sums)
    return Reliability(n[used], mean_confidence, accuracy)


def expected_calibration_error(table: Reliability) -> float:
    """Mean distance of accuracy and confidence over images, 0 to 1; lower is better.

    Examples:
        >>> expected_calibration_error(Reliability(np.array([2, 2]), np.array([0.5, 1.0]), np.array([0.5, 0.5])))
        0.25
    """
    return float((table.n * np.abs(table.accuracy - table.confidence)).sum() / max(table.n.sum(), 1))
