"""Facts of pictures made to show one of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from reground.tasks.kernels.picture_facts import MAX_GREY, picture_facts, small_grey
from tests.support.textures import picture


def test_blur_is_seen_at_any_size() -> None:
    noise = np.random.default_rng(0).normal(0, 20, (700, 700, 1))
    photograph = np.clip(picture(0, 700, 700) + noise, 0, 255).astype(np.uint8)
    for side in (128, 256, 700):
        sharp = cv2.resize(photograph, (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8)
        blurred = cv2.GaussianBlur(sharp, (0, 0), side / 40).astype(np.uint8)
        assert picture_facts(blurred).sharpness < picture_facts(sharp).sharpness / 3


def test_a_grey_picture_has_no_colour() -> None:
    grey = np.repeat(picture(1).mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    assert picture_facts(grey).colourfulness == 0
    assert picture_facts(picture(1)).colourfulness > 15


def test_exposure_and_a_main_colour() -> None:
    half = np.zeros((256, 256, 3), np.uint8)
    half[:, 128:] = 255
    facts = picture_facts(half)
    for share in (facts.dark_share, facts.bright_share, facts.main_colour_share):
        assert share == pytest.approx(0.5, abs=0.01)  # of a sample of pixels
    assert facts.contrast > 100


def test_the_size_is_that_of_the_picture() -> None:
    facts = picture_facts(picture(2, height=100, width=400))
    assert (facts.width, facts.height, facts.aspect) == (400, 100, 4)
    assert picture_facts(np.zeros((1, 1, 3), np.uint8)).aspect == 1


def test_a_strip_stays_small() -> None:
    for shape in ((1, 9000, 3), (9000, 1, 3), (3, 30_000, 3)):
        assert small_grey(np.zeros(shape, np.uint8)).size <= 1.1 * MAX_GREY
        assert picture_facts(np.zeros(shape, np.uint8)).dark_share == 1


def test_a_large_picture_has_the_facts_of_its_small_copy() -> None:
    large = picture(3, 1500, 2000)
    small = cv2.resize(large, (400, 300), interpolation=cv2.INTER_AREA).astype(np.uint8)
    facts, copy = picture_facts(large), picture_facts(small)
    for name in ("colourfulness", "sharpness", "contrast"):
        assert abs(getattr(facts, name) - getattr(copy, name)) < 0.15 * getattr(copy, name)
    assert abs(facts.main_colour_share - copy.main_colour_share) < 0.02


def test_sharpness_and_contrast_are_those_of_the_definition() -> None:
    grey = small_grey(picture(4))
    facts = picture_facts(picture(4), grey)
    assert facts.sharpness == pytest.approx(cv2.Laplacian(grey, cv2.CV_64F).var())
    assert facts.contrast == pytest.approx(grey.std(), rel=0.02)
