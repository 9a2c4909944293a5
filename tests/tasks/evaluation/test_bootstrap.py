"""Differences between models in planted worlds: how often the interval holds the true one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reground.tasks.evaluation.bootstrap import (
    FIXED_KEYS,
    LABEL_KEYS,
    Resampling,
    counted_mask,
    draw_samples,
    is_correct,
)
from reground.tasks.evaluation.comparison import ModelComparison
from reground.tasks.evaluation.reference import NONE, Labels, ReferenceLabels

IMAGES, HOW = 150, Resampling(300, 0, 0.95)
TRUE, OTHER, ALWAYS = 1, 2, 3
"""Classes: one that may hold, one that never does, and one that always does but that no model names."""


def two_labels(value: np.ndarray) -> Labels:
    """The label in question, and one that holds on every image, so that every image counts."""
    image, class_idx = np.repeat(np.arange(IMAGES), 2), np.tile([TRUE, ALWAYS], IMAGES)
    return Labels(image, class_idx, np.stack([value, np.ones(IMAGES)], axis=1).ravel())


def planted(
    rng: np.random.Generator, sure: float, skills: tuple[float, float]
) -> tuple[ReferenceLabels, np.ndarray, np.ndarray]:
    """Reference labels of images, what two models say, and whether the label that both may say holds.

    It holds with the probability that the votes give it; a model that is right more often knows
    more of whether it holds than the votes do.
    """
    probability = rng.beta(0.9 / sure, 0.3 / sure, IMAGES)
    holds = rng.random(IMAGES) < probability
    said = [
        np.where((rng.random(IMAGES) < skill) & holds | (rng.random(IMAGES) < 0.5), TRUE, OTHER) for skill in skills
    ]
    kept = (probability >= 0.5).astype(float)
    none = Labels(np.zeros(0, int), np.zeros(0, int), np.zeros(0))
    unknown, everywhere = np.full(IMAGES, NONE), np.ones(IMAGES, bool)
    reference = ReferenceLabels(
        image_ids=pd.Index([f"i{n}" for n in range(IMAGES)]),
        original=unknown,
        main=unknown,
        objects=np.ones(IMAGES, int),
        settled=everywhere,
        outcome=np.full(IMAGES, "", object),
        probability=two_labels(probability),
        kept=two_labels(kept),
        frequency=none,
        reviewed=True,
        version="v",
        sources="planted",
    )
    return reference, np.stack(said, axis=1), holds


@pytest.mark.parametrize("sure", [1.0, 30.0])
def test_the_true_difference_lies_in_95_of_100_intervals(sure: float) -> None:
    rng = np.random.default_rng(int(sure))
    held = []
    for _ in range(200):
        # Models that know no more than the votes: then probabilities are what they are, given what models say.
        reference, top_1, holds = planted(rng, sure, (0.0, 0.0))
        (row,) = (
            r for r in ModelComparison(["a", "b"], top_1, reference, HOW).rows() if r["metric"] == "real_accuracy"
        )
        hits = (top_1 == TRUE) & holds[:, None]
        held.append(row["low"] <= hits[:, 0].mean() - hits[:, 1].mean() <= row["high"])
        assert row["low"] <= row["difference"] <= row["high"] and row["n"] == IMAGES
    assert np.mean(held) >= 0.95


def test_without_doubt_draws_spread_as_images_do() -> None:
    """Labels that are known: the draws of every metric have the spread of a plain bootstrap."""
    rng = np.random.default_rng(0)
    reference, top_1, _ = planted(rng, 1e6, (0.3, 0.6))
    everywhere = np.ones(IMAGES, bool)
    samples = draw_samples(reference, top_1, everywhere, Resampling(3000, 1, 0.95))
    hits = is_correct(reference, "real_accuracy", top_1)
    gap = hits[:, 0].astype(float) - hits[:, 1]
    plain = rng.choice(gap, (3000, IMAGES)).mean(axis=1)
    for key in (("real_accuracy", "all"), ("multi_label", "reviewed"), ("multi_label", "single_object")):
        gaps = samples[key][:, 0] - samples[key][:, 1]
        assert gaps.mean() == pytest.approx(gap.mean(), abs=0.01) and gaps.std() == pytest.approx(plain.std(), rel=0.1)


def test_a_subset_without_images_has_no_share() -> None:
    reference, top_1, _ = planted(np.random.default_rng(0), 1.0, (0.5, 0.5))
    everywhere = np.ones(IMAGES, bool)
    samples = draw_samples(reference, top_1, everywhere, HOW)
    assert set(samples) == {*FIXED_KEYS, *LABEL_KEYS}
    for key in (("multi_label", "multi_object"), ("top1_original", "all")):
        assert not counted_mask(reference, *key, everywhere).any() and np.isnan(samples[key]).all()
    keys = {(row["metric"], row["subset"]) for row in ModelComparison(["a", "b"], top_1, reference, HOW).rows()}
    assert keys == {("real_accuracy", "all"), ("multi_label", "reviewed"), ("multi_label", "single_object")}
