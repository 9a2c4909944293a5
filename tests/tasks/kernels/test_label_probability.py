"""Whether labels hold, from what few people say: planted worlds in which the share of all people is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta

from reground.tasks.kernels.intervals import proportion, uncertain_proportion, wilson
from reground.tasks.kernels.label_probability import JEFFREYS, fit_prior, holding_probability


def planted(a: float, b: float, people: int, labels: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares among all people, shares among those asked, and how many these are."""
    rng = np.random.default_rng(seed)
    share = rng.beta(a, b, labels)
    asked = rng.integers(max(1, people - 2), people + 1, labels).astype(float)
    return share, rng.binomial(asked.astype(int), share) / asked, asked


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (0.2, 0.6), (2.0, 1.0)])
def test_the_prior_is_found(a: float, b: float) -> None:
    _, said, asked = planted(a, b, 5, 40_000)
    assert fit_prior(said * asked, asked) == pytest.approx((a, b), rel=0.1)


@pytest.mark.parametrize("people", [2, 5, 9])
@pytest.mark.parametrize(("a", "b"), [(0.3, 0.3), (0.2, 0.8)])
def test_of_labels_with_a_probability_that_many_hold(people: int, a: float, b: float) -> None:
    """Calibration: what is called 0.9 holds nine times in ten."""
    share, said, asked = planted(a, b, people, 60_000)
    found = holding_probability(said, asked, 0.5, np.zeros(len(said), np.int64))
    for low in np.arange(0, 1, 0.2):
        here = (found >= low) & (found <= low + 0.2)
        if here.sum() > 500:
            assert (share[here] >= 0.5).mean() == pytest.approx(found[here].mean(), abs=0.04)


def test_strata_have_priors_of_their_own() -> None:
    share, said, asked = planted(4, 1, 3, 20_000)
    other_share, other_said, other_asked = planted(1, 4, 3, 20_000, seed=1)
    stratum = np.repeat([0, 1], 20_000)
    found = holding_probability(np.append(said, other_said), np.append(asked, other_asked), 0.5, stratum)
    for n, truth in enumerate((share, other_share)):
        assert found[stratum == n].mean() == pytest.approx((truth >= 0.5).mean(), abs=0.01)


@given(st.integers(0, 12), st.integers(1, 12), st.floats(0.05, 0.95))
def test_one_label_has_the_mass_of_jeffreys_posterior(yes: int, asked: int, keep: float) -> None:
    yes = min(yes, asked)
    found = holding_probability(np.array([yes / asked]), np.array([float(asked)]), keep, np.zeros(1, np.int64))[0]
    posterior = beta(JEFFREYS[0] + yes, JEFFREYS[1] + asked - yes)
    assert found == pytest.approx(quad(posterior.pdf, keep, 1, limit=200)[0], abs=1e-3)


def test_more_people_are_surer() -> None:
    zero = np.zeros(1, np.int64)
    found = [float(holding_probability(np.ones(1), np.array([float(n)]), 0.5, zero)[0]) for n in (1, 3, 9)]
    assert found == sorted(found) and found[0] < 0.9 and found[-1] > 0.999


def test_everybody_agrees_everywhere() -> None:
    """No spread to fit: the ends of the strength, never a division by zero."""
    found = holding_probability(np.ones(50), np.full(50, 5.0), 0.5, np.zeros(50, np.int64))
    assert (found > 0.99).all()
    assert np.isfinite(fit_prior(np.full(50, 2.0), np.full(50, 4.0))).all()


@pytest.mark.parametrize("people", [2, 5, 9])
def test_from_votes_to_an_interval_that_holds_the_true_accuracy(people: int) -> None:
    """Labels as a model would give them, most of them right, judged by few people or by many."""
    held, widths = [], []
    for seed in range(300):
        share, said, asked = planted(0.6, 0.2, people, 300, seed)
        hit = holding_probability(said, asked, 0.5, np.zeros(300, np.int64))
        found = uncertain_proportion(proportion(said >= 0.5), hit)
        held.append(found.low <= (share >= 0.5).mean() <= found.high)
        widths.append(found.high - found.low)
    assert np.mean(held) >= 0.95
    known = wilson(0.77 * 300, 300)
    assert np.mean(widths) > known.high - known.low
