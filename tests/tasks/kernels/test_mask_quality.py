"""Each part of a mask's quality falls for the failure it is there for, and for no other."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reground.tasks.kernels.mask_quality import (
    EXPLANATIONS,
    Quality,
    area,
    colour_numbers,
    complement_test,
    edge_contact,
    largest_piece,
    mask_quality,
    outline_contrast,
)

HEIGHT, WIDTH = 24, 32
BOX = (4, 3, 28, 20)
masks = arrays(np.bool_, (HEIGHT, WIDTH))
colours = arrays(np.int32, (HEIGHT, WIDTH), elements=st.integers(0, 5))
boxes = st.tuples(st.integers(0, 10), st.integers(0, 8), st.integers(11, WIDTH), st.integers(9, HEIGHT))


def within(mask: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    return mask & filled(box)


def filled(box: tuple[int, int, int, int], shape: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    xmin, ymin, xmax, ymax = box
    mask = np.zeros(shape, np.bool_)
    mask[ymin:ymax, xmin:xmax] = True
    return mask


@given(masks, boxes)
def test_area_is_a_share_of_the_box(mask, box):
    mask = within(mask, box)
    assert area(mask, box) == mask.sum() / filled(box).sum()


@given(masks.filter(np.any))
def test_the_largest_piece_by_flooding(mask):
    best = (0, (0, 0, 0, 0))
    left = mask.copy()
    while left.any():
        piece, edge = np.zeros_like(mask), [tuple(np.argwhere(left)[0])]
        while edge:
            y, x = edge.pop()
            if 0 <= y < HEIGHT and 0 <= x < WIDTH and left[y, x]:
                left[y, x], piece[y, x] = False, True
                edge += [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        best = max(best, (int(piece.sum()), (np.ptp(np.nonzero(piece)[0]) + 1, np.ptp(np.nonzero(piece)[1]) + 1)))
    reach, unity = largest_piece(mask, (0, 0, WIDTH, HEIGHT))
    assert unity == best[0] / mask.sum()
    assert 0 < reach <= 1
    if unity > 0.5:  # else several may be the largest
        assert reach == math.prod(best[1]) / (HEIGHT * WIDTH)


@given(masks, boxes)
def test_contact_is_a_share_of_the_edges_inside_the_image(mask, box):
    xmin, ymin, xmax, ymax = box
    counted = []
    for x in range(xmin, xmax):
        counted += [mask[ymin, x]] if ymin > 0 else []
        counted += [mask[ymax - 1, x]] if ymax < HEIGHT else []
    for y in range(ymin, ymax):
        counted += [mask[y, xmin]] if xmin > 0 else []
        counted += [mask[y, xmax - 1]] if xmax < WIDTH else []
    assert edge_contact(mask, box) == pytest.approx(np.mean(counted) if counted else 0)


@given(colours, masks, boxes)
def test_shares_are_shares_and_do_not_depend_on_the_side(numbers, mask, box):
    inside = filled(box)
    for measure in (outline_contrast, complement_test):
        found = measure(numbers, mask, inside)
        assert 0 <= found <= 1
    turned = complement_test(numbers[::-1, ::-1].copy(), mask[::-1, ::-1].copy(), inside[::-1, ::-1].copy())
    assert turned == pytest.approx(complement_test(numbers, mask, inside))


@given(masks, st.integers(0, 5))
def test_one_colour_has_no_contrast(mask, number):
    numbers = np.full(mask.shape, number, np.int32)
    assert outline_contrast(numbers, mask, filled(BOX)) == 0


@given(masks)
def test_a_mask_of_its_own_colour_has_all_the_contrast_there_can_be(mask):
    rows, columns = ((slice(None, half), slice(half, None)) for half in (HEIGHT // 2, WIDTH // 2))
    outlined = any(0 < mask[row, column].mean() < 1 for row in rows for column in columns)
    assert outline_contrast(mask.astype(np.int32), mask, np.ones_like(mask)) == outlined


@given(colours, masks, boxes)
def test_of_a_mask_and_its_complement_one_passes(numbers, mask, box):
    inside = filled(box)
    one, other = mask & inside, ~mask & inside
    assert max(complement_test(numbers, one, inside), complement_test(numbers, other, inside)) == 1


def test_an_inverted_mask_fails_the_complement_test():
    inside = filled(BOX)
    disc = within((np.hypot(*(np.mgrid[:HEIGHT, :WIDTH] - np.array([[[11]], [[16]]]))) < 6), BOX)
    numbers = np.where(disc, 1, 2).astype(np.int32)
    assert complement_test(numbers, disc, inside) == 1
    assert complement_test(numbers, inside & ~disc, inside) == 0


def scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray, tuple[int, int, int, int]]:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:160, :200]
    mask = ((y - 80) / 40) ** 2 + ((x - 100) / 50) ** 2 <= 1
    pixels = np.where(mask[..., None], (200, 60, 40), (40, 90, 60)) + rng.normal(0, 10, (160, 200, 3))
    return pixels.clip(0, 255).astype(np.uint8), mask, (50, 40, 151, 121)


def test_a_right_mask_of_a_plain_scene_is_nearly_perfect():
    quality = mask_quality(*scene())
    assert quality.score > 0.9
    assert min(quality) > 0.9


FAILURES = {
    "area": lambda mask, box: mask & np.eye(*mask.shape, k=20, dtype=bool),
    "reach": lambda mask, box: mask & (np.arange(mask.shape[1]) < 85),
    "unity": lambda mask, box: mask & (np.arange(mask.shape[1]) % 20 < 14),
    "contrast": lambda mask, box: cv2.erode(mask.astype(np.uint8), np.ones((31, 31), np.uint8)).astype(bool),
    "contact": lambda mask, box: filled(box, mask.shape),
    "complement": lambda mask, box: filled(box, mask.shape) & ~mask,
}


@pytest.mark.parametrize("part", FAILURES)
def test_each_failure_is_seen_by_its_part(part):
    pixels, mask, box = scene()
    right = mask_quality(pixels, mask, box)
    wrong = mask_quality(pixels, FAILURES[part](mask, box), box)
    assert getattr(wrong, part) < 0.7 * getattr(right, part)
    assert wrong.score < 0.5 * right.score


def test_the_words_name_the_lowest_share():
    for part in Quality._fields:
        quality = Quality(**{name: 0.25 if name == part else 0.5 for name in Quality._fields})
        assert quality.score == pytest.approx(0.25 * 0.5**5)
        assert quality.explanation() == f"{EXPLANATIONS[part]} ({part} 0.25)"


def test_an_empty_mask_is_worth_nothing():
    pixels, mask, box = scene()
    assert mask_quality(pixels, np.zeros_like(mask), box).score == 0


@given(arrays(np.uint8, (HEIGHT, WIDTH, 3)), masks, boxes)
def test_any_mask_in_any_box_has_a_quality(pixels, mask, box):
    quality = mask_quality(pixels, within(mask, box), box)
    assert all(0 <= share <= 1 for share in quality)
    assert 0 <= quality.score <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (2, 3)])
def test_images_of_a_few_pixels(size):
    pixels = np.full((*size, 3), 7, np.uint8)
    assert mask_quality(pixels, np.ones(size, np.bool_), (0, 0, size[1], size[0])).score == 0


def test_a_hair_survives_reduction():
    pixels, mask = np.zeros((900, 1200, 3), np.uint8), np.zeros((900, 1200), np.bool_)
    pixels[:, :] = 40
    pixels[100:800, 600] = mask[100:800, 600] = 255
    assert mask_quality(pixels, mask, (590, 100, 611, 800)).contrast > 0


@given(arrays(np.uint8, (4, 5, 3)))
def test_colour_numbers_fit_their_bins(pixels):
    numbers = colour_numbers(pixels)
    assert numbers.shape == (4, 5)
    assert numbers.min() >= 0 and numbers.max() < 8 * 16 * 16


def test_size_and_turning_change_little():
    pixels, mask, box = scene()
    big = cv2.resize(pixels, None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR)
    large = cv2.resize(mask.astype(np.uint8), None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST).astype(bool)
    assert mask_quality(big, large, tuple(4 * edge for edge in box)).score == pytest.approx(
        mask_quality(pixels, mask, box).score, abs=0.1
    )
