"""Information: how much one more answer is expected to tell about a hidden state.

Source: Lindley 1956, On a Measure of the Information Provided by an Experiment,
https://doi.org/10.1214/aoms/1177728069.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def information_gain(belief: Floats, answers: Floats) -> Floats:
    """Bits by which one more answer is expected to lower the entropy of what is believed.

    The mutual information of state and answer: entropy of the answer less its mean entropy in
    each state. 0 where the state is known, or where every state gives the same answers.

    Args:
        belief: ``(N, S) float64``, probability of each state of each thing; rows sum to 1.
        answers: ``(S, K) float64``, probability of each answer in each state; rows sum to 1.

    Returns:
        ``(N,) float64``, 0 to log2 of the smaller of S and K; higher is worth more.

    Examples:
        >>> belief = np.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])
        >>> answers = np.array([[0.8, 0.2], [0.1, 0.9]])
        >>> information_gain(belief, answers).round(3).tolist()
        [0.397, 0.145, 0.0]
    """
    return np.maximum(_entropy(belief @ answers) - belief @ _entropy(answers), 0.0)


def expected_shift(belief: Floats, answers: Floats, forecast: Floats) -> Floats:
    """Bits by which one more answer is expected to move a belief, where another belief foretells the answer.

    The mean Kullback-Leibler divergence of the belief after the answer from that before it; `information_gain` where
    both beliefs are one. A belief that is sure and that the forecast contradicts is worth asking about.

    Args:
        belief: ``(N, S) float64``, as in `information_gain`; the answer moves this one. No state is impossible.
        answers: ``(S, K) float64``, as in `information_gain`.
        forecast: ``(N, S) float64``, probability of each state by all that is known.

    Returns:
        ``(N,) float64``, at least 0; higher is worth more.

    Examples:
        >>> belief = np.array([[0.5, 0.5], [0.9, 0.1], [0.9, 0.1]])
        >>> answers = np.array([[0.8, 0.2], [0.1, 0.9]])
        >>> expected_shift(belief, answers, np.array([[0.5, 0.5], [0.9, 0.1], [0.1, 0.9]])).round(3).tolist()
        [0.397, 0.145, 0.256]
    """
    joint = belief[:, :, None] * answers
    evidence = joint.sum(axis=1, keepdims=True)
    after = np.divide(joint, evidence, out=np.zeros_like(joint), where=evidence > 0)
    ratio = np.divide(after, belief[:, :, None], out=np.ones_like(joint), where=after > 0)
    shift = (after * np.log2(np.where(ratio > 0, ratio, 1.0))).sum(axis=1)
    return np.maximum((forecast @ answers * shift).sum(axis=1), 0.0)


def _entropy(distributions: Floats) -> Floats:
    """``(..., K)`` -> ``(...)``, in bits."""
    return -(distributions * np.log2(np.where(distributions > 0, distributions, 1.0))).sum(axis=-1)
