"""Resamples of images and labels: against a plain loop, in expectation and spread, to the last bit on any cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reground.tasks.kernels import resample as kernel
from reground.tasks.kernels.resample import Resamples, resample


def world(rng: np.random.Generator, images: int, labels: int, models: int) -> dict[str, Any]:
    """Some images without a label; each model chooses at most one label of an image."""
    image = np.sort(rng.integers(0, images, labels))
    selected = np.zeros((labels, models), np.float32)
    for m in range(models):
        _, first = np.unique(image, return_index=True)
        selected[first[rng.random(len(first)) < 0.7], m] = 1
    return {
        "part": np.sort(rng.integers(0, 3, images)),
        "image": image,
        "probability": rng.choice([0.0, 0.3, 0.9, 1.0], labels).astype(np.float32),
        "selected": selected,
        "fixed": rng.integers(0, 2, (images, 2)).astype(np.float32),
    }


def by_loop(w: dict[str, Any], resamples: int, seed: int) -> Resamples:
    """The same draws, one image and one label at a time."""
    parts, models = int(w["part"].max()) + 1, w["selected"].shape[1]
    hits = np.zeros((parts, resamples, models))
    fixed = np.zeros((parts, resamples, w["fixed"].shape[1]))
    rng = np.random.default_rng(seed)
    weights = rng.poisson(1.0, (resamples, len(w["part"])))
    draws = rng.random((resamples, len(w["image"])), np.float32) < w["probability"]
    for r in range(resamples):
        for n, part in enumerate(w["part"]):
            mine = np.flatnonzero(w["image"] == n)
            fixed[part, r] += weights[r, n] * w["fixed"][n]
            for label in mine:
                hits[part, r] += weights[r, n] * draws[r, label] * w["selected"][label]
    return Resamples(hits, fixed)  # type: ignore[arg-type]


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(0, 30), st.integers(1, 3))
def test_the_sums_of_a_plain_loop(seed: int, images: int, labels: int, models: int) -> None:
    w = world(np.random.default_rng(seed), images, labels, models)
    found, expected = resample(**w, resamples=4, seed=seed), by_loop(w, 4, seed)
    np.testing.assert_array_equal(found.hits, expected.hits)
    np.testing.assert_array_equal(found.fixed, expected.fixed)


def test_shares_spread_as_they_should(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variance of other images plus that of other labels, of images with one label each."""
    monkeypatch.setattr(kernel, "CELLS", 100_000)
    n, q = 400, np.tile([0.2, 0.8, 1.0, 1.0], 100).astype(np.float32)
    one = np.ones((n, 1), np.float32)
    drawn = resample(np.zeros(n, np.int64), np.arange(n), q, one, one, 4000, 1)
    shares = drawn.hits[0, :, 0] / drawn.fixed[0, :, 0]
    assert shares.mean() == pytest.approx(q.mean(), abs=0.003)
    # An image drawn w times brings its one label w times: E[w^2] = 2 of a label's variance.
    expected = (q.var() + 2 * (q * (1 - q)).mean()) / n
    assert shares.var() == pytest.approx(expected, rel=0.1)


def test_other_seeds_draw_otherwise() -> None:
    w = world(np.random.default_rng(0), 50, 80, 2)
    one, same, other = (resample(**w, resamples=20, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.hits, same.hits)
    assert (one.hits != other.hits).any()


def test_nothing_to_draw_from() -> None:
    empty = np.zeros(0, np.int64)
    found = resample(empty, empty, np.zeros(0, np.float32), np.zeros((0, 2), np.float32), np.zeros((0, 1)), 3, 0)
    assert found.hits.shape == (0, 3, 2) and found.fixed.shape == (0, 3, 1)
