"""How probable it is that a label holds, where votes only say how many people think so.

A label holds if at least a share ``keep`` of all people would say so. Asked were a few of them, so that
the share among all is uncertain: beta-binomial. Source of the fit: Kleinman 1973, JASA 68:46-54.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import betainc  # pyright: ignore[reportUnknownVariableType, reportMissingTypeStubs]

Floats = npt.NDArray[np.float64]

JEFFREYS: Final = (0.5, 0.5)
"""The prior where the votes cannot tell one: nobody was asked about a label that somebody else was."""
MIN_STRENGTH, MAX_STRENGTH = 0.1, 100.0
"""Ends of a prior's strength, in people."""


def holding_probability(share: Floats, people: Floats, keep: float, stratum: npt.NDArray[np.int64]) -> Floats:
    """The probability that a label holds.

    Args:
        share: ``(P,)`` of the people asked about each label who said yes, 0 to 1.
        people: ``(P,)`` how many were asked, at least 1.
        keep: share of all people from which on a label holds, 0 to 1.
        stratum: ``(P,)``, 0 up: labels whose shares are spread alike; each stratum has its prior.

    Returns:
        ``(P,)``, 0 to 1, the higher the surer: the posterior mass of shares from ``keep`` up.

    Examples:
        >>> share, people = np.array([1.0, 0.6, 0.2]), np.array([5.0, 5.0, 5.0])
        >>> holding_probability(share, people, keep=0.5, stratum=np.zeros(3, np.int64)).round(2).tolist()
        [0.99, 0.71, 0.12]
    """
    probability = np.empty(len(share))
    for n in np.unique(stratum):
        rows = stratum == n
        yes, n = share[rows] * people[rows], people[rows]
        a, b = fit_prior(yes, n)
        probability[rows] = 1 - betainc(a + yes, b + n - yes, keep)
    return probability


def fit_prior(yes: Floats, people: Floats) -> tuple[float, float]:
    """The beta distribution of shares that the votes themselves suggest, by moments.

    Args:
        yes: ``(P,)`` people who said yes, of those asked.
        people: ``(P,)``, at least 1.

    Returns:
        Its two parameters; `JEFFREYS` where no label was judged by two people.

    Examples:
        >>> a, b = fit_prior(yes=np.array([5.0, 3.0, 1.0]), people=np.array([5.0, 5.0, 5.0]))
        >>> round(a, 2), round(b, 2)
        (0.79, 0.53)
    """
    total, labels = float(people.sum()), len(people)
    if labels < 2 or total <= labels:
        return JEFFREYS
    mean = float(yes.sum()) / total
    share = yes / people
    ms_between = float((people * (share - mean) ** 2).sum()) / (labels - 1)
    ms_within = float((people * share * (1 - share)).sum()) / (total - labels)
    size = (total - float((people**2).sum()) / total) / (labels - 1)
    if ms_between + (size - 1) * ms_within <= 0:
        return JEFFREYS
    correlation = (ms_between - ms_within) / (ms_between + (size - 1) * ms_within)
    strength = float(np.clip(1 / max(correlation, 1e-9) - 1, MIN_STRENGTH, MAX_STRENGTH))
    centre = float(np.clip(mean, 0.01, 0.99))
    return centre * strength, (1 - centre) * strength
