"""Outliers of a group of vectors by quantum entropy (QUE), after a robust whitening.

The score lies between the squared norm (alpha 0) and the projection on the direction of the largest variance
(alpha infinite, the spectral signature of Tran, Li, Madry 2018). Without whitening that direction is often the
group's own spread, and the score is worse than chance: whiten first.

Source: Dong, Hopkins, Li 2019, Quantum entropy scoring (arXiv 1906.11366), section 3; whitening by a robust
covariance as in Hayase, Kong, Somani, Oh 2021, SPECTRE (arXiv 2104.11315). The robust covariance here is that
of a few concentration steps, as in Rousseeuw and Van Driessen 1999, in place of SPECTRE's filter.
"""

from __future__ import annotations

import math
from typing import Final, cast

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ALPHA: Final = 4.0
"""As the authors set it in their experiments."""
STEPS: Final = 3
"""Concentration steps."""
RIDGE: Final = 1e-6
"""Share of the mean variance added to each direction: a constant feature has none."""


def quantum_entropy_scores(vectors: Floats, alpha: float = ALPHA) -> Floats:
    """``(N,) float64``, higher is more suspect: ``(x - mean)' U (x - mean)``.

    U is ``exp(alpha S / |S|)`` over its trace, S the covariance and ``|S|`` its largest eigenvalue.

    Args:
        vectors: ``(N, D)``.
        alpha: 0: the squared norm, over D; infinite: the projection on the largest direction, squared.

    Examples:
        >>> vectors = np.array([[0.0, 0.0], [2.0, 0.0], [1.0, 1.0], [1.0, -1.0]])
        >>> quantum_entropy_scores(vectors, alpha=0).tolist()
        [0.5, 0.5, 0.5, 0.5]
    """
    centred = vectors - vectors.mean(axis=0)
    values, directions = np.linalg.eigh(centred.T @ centred / max(len(vectors), 1))
    largest = values[-1] if len(values) and values[-1] > 0 else 1.0
    if math.isinf(alpha):
        weights = (values >= largest * (1 - 1e-12)).astype(np.float64)
    else:
        weights = np.exp(alpha * (values / largest - 1))  # the largest exponent is 0: no overflow
    return np.asarray(np.square(centred @ directions) @ (weights / max(weights.sum(), 1e-300)))


def class_statistic(vectors: Floats, alpha: float = ALPHA) -> float:
    """How far the whitened covariance is from that of a clean group: ``tr(S U) / tr(U)``; higher is more suspect.

    Args:
        vectors: ``(N, D)``, whitened.
        alpha: as in `quantum_entropy_scores`.
    """
    return float(quantum_entropy_scores(vectors, alpha).mean()) if len(vectors) else 0.0


def principal_components(vectors: Floats, k: int) -> Floats:
    """Centred vectors in their k directions of largest variance, ``(N, K) float64``; distances stay where K is all.

    Args:
        vectors: ``(N, D)``.
        k: directions wanted, at most N - 1 and D.
    """
    centred: Floats = vectors - vectors.mean(axis=0)
    left, values, _ = cast("tuple[Floats, Floats, Floats]", np.linalg.svd(centred, full_matrices=False))
    k = min(k, len(vectors) - 1, vectors.shape[1])
    return left[:, :k] * values[:k]


def robust_whitening(vectors: Floats, contamination: float) -> Floats:
    """Vectors whose trusted part has mean zero and covariance one, ``(N, D) float64``.

    Each concentration step leaves out the ``2 * contamination`` of vectors that are farthest by the mean and
    covariance of the step before.

    Args:
        vectors: ``(N, D)`` with N clearly above D.
        contamination: largest share of outliers expected, 0 to 0.25.
    """
    kept = np.arange(len(vectors))
    size = max(len(vectors) - math.ceil(2 * contamination * len(vectors)), min(len(vectors), 2))
    whitened = _whiten(vectors, kept)
    for _ in range(STEPS):
        kept = np.argsort(np.square(whitened).sum(axis=1), kind="stable")[:size]
        whitened = _whiten(vectors, kept)
    return whitened


def _whiten(vectors: Floats, kept: npt.NDArray[np.int64]) -> Floats:
    trusted = vectors[kept]
    mean = trusted.mean(axis=0)
    covariance = (trusted - mean).T @ (trusted - mean) / len(trusted)
    values, directions = np.linalg.eigh(covariance)
    floor = RIDGE * max(float(values.mean()), 1e-300)
    return np.asarray((vectors - mean) @ directions / np.sqrt(np.maximum(values, 0) + floor))
