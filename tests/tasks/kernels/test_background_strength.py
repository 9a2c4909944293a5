"""Strengths of backgrounds, against those that margins were made of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reground.tasks.kernels.background_strength import OWN, SHARED, BackgroundStrength

EVERY = np.arange(30)


def observed(strengths: npt.NDArray[np.floating], noise: float, rows: int) -> BackgroundStrength:
    """What ``rows`` foregrounds of each group say, all tried on every background.

    Args:
        strengths: ``(G, B)``, in each group.
        noise: standard deviation.
        rows: foregrounds of each group.
    """
    random = np.random.default_rng(0)
    strength = BackgroundStrength(*strengths.shape)
    for group in np.repeat(np.arange(len(strengths)), rows):
        below = strengths[group] + noise * random.standard_normal(strengths.shape[1])
        strength.observe(np.full(len(below), group), np.arange(len(below)), below, np.ones(len(below)))
    return strength


def test_many_margins_tell_the_strengths_in_every_group() -> None:
    shared = np.linspace(-3, 3, 30)
    truth = shared + np.array([[0.0], [1.0]]) * np.where(EVERY == 4, 5.0, 0.0)
    strength = observed(truth, noise=0.5, rows=100)
    for group in 0, 1:
        assert np.abs(strength.mean(group, EVERY) - truth[group]).max() < 0.35
    assert strength.mean(1, EVERY)[4] - strength.mean(0, EVERY)[4] > 4


def test_a_group_that_says_nothing_is_taken_for_what_all_say() -> None:
    strength = BackgroundStrength(2, 3)
    strength.observe(np.zeros(12, np.intp), np.zeros(12, np.intp), np.full(12, 2.0), np.ones(12))
    everywhere = 12 * 2.0 / (12 + SHARED)
    assert strength.mean(1, np.array([0, 1]))[0] == everywhere
    assert strength.mean(0, np.array([0]))[0] == (12 * 2.0 + OWN * everywhere) / (12 + OWN)
    assert strength.mean(0, np.array([1, 2])).tolist() == [0.0, 0.0]


def test_a_strange_group_counts_over_all_only() -> None:
    strength = BackgroundStrength(1, 2)
    strength.observe(np.array([-1]), np.array([1]), np.array([3.0]), np.ones(1))
    shared = 3.0 / (1 + SHARED)
    assert strength.mean(0, np.array([0, 1])).tolist() == [0.0, shared]
    assert strength.deviation(0, np.array([1]))[0] < strength.deviation(0, np.array([0]))[0]


def test_the_stated_deviation_falls_as_margins_come_in() -> None:
    few, many = (observed(np.zeros((2, 30)), 1.0, rows).deviation(0, EVERY) for rows in (5, 80))
    assert (many < 0.5 * few).all() and (many > 0.05).all()


def test_the_stated_deviation_is_that_of_the_errors() -> None:
    """Over many draws of strengths and noise from the model itself."""
    random = np.random.default_rng(3)
    shared = random.standard_normal(2000) / np.sqrt(SHARED)
    truth = shared + random.standard_normal((3, 2000)) / np.sqrt(OWN)
    strength = observed(truth, noise=1.0, rows=3)
    every = np.arange(2000)
    error = strength.mean(1, every) - truth[1]
    stated = strength.deviation(1, every)
    assert 0.8 < np.sqrt(np.mean((error / stated) ** 2)) < 1.2
