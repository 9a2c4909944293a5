"""Pairs of classes: counts are those of plain loops, and verdicts look at intervals."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.kernels.class_pairs import (
    CONFUSABLE,
    NOT_PREDICTED,
    SEPARABLE,
    SYNONYM,
    UNDECIDED,
    co_selections,
    confusion,
    confusions,
    two_of_an_image,
    verdict,
)

CLASSES = 5
Label = tuple[bool, int]
"""Whether people accept it, and the object it names."""

IMAGES = st.lists(
    st.dictionaries(st.integers(0, CLASSES - 1), st.tuples(st.booleans(), st.integers(-1, 2)), max_size=CLASSES),
    max_size=12,
)


def arrays(images: list[dict[int, Label]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rows = [(n, label, *image[label]) for n, image in enumerate(images) for label in sorted(image)]
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    return columns[0], columns[1], columns[2] > 0, columns[3]


def plain_co_selections(images: list[dict[int, Label]]) -> dict[tuple[int, int], list[int]]:
    counts: dict[tuple[int, int], list[int]] = {}
    for image in images:
        for low, high in combinations(sorted(image), 2):
            row = counts.setdefault((low, high), [0, 0, 0])
            (accepts_low, object_low), (accepts_high, object_high) = image[low], image[high]
            if accepts_low and accepts_high:
                row[0] += 1
                if object_low != -1 and object_high != -1 and object_low != object_high:
                    row[2] += 1
            elif accepts_low or accepts_high:
                row[1] += 1
    return counts


@given(IMAGES)
def test_co_selections_are_those_of_plain_loops(images: list[dict[int, Label]]) -> None:
    counts = co_selections(*arrays(images))
    rows = zip(counts.co_selected.tolist(), counts.exclusive.tolist(), counts.two_objects.tolist(), strict=True)
    found = {(low, high): list(row) for (low, high), row in zip(counts.pairs.tolist(), rows, strict=True)}
    assert found == plain_co_selections(images)
    assert list(found) == sorted(found)


@given(IMAGES)
def test_what_a_count_means_does_not_depend_on_the_order_of_images(images: list[dict[int, Label]]) -> None:
    there, back = co_selections(*arrays(images)), co_selections(*arrays(images[::-1]))
    assert all(np.array_equal(one, other) for one, other in zip(there, back, strict=True))
    accepted = arrays(images)[2]
    assert there.co_selected.sum() <= len(two_of_an_image(arrays(images)[0])[0])
    assert accepted.any() or not (there.co_selected.any() or there.exclusive.any())


@st.composite
def answered(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n, models = draw(st.integers(0, 14)), draw(st.integers(0, 3))
    labels = draw(st.lists(st.integers(0, CLASSES - 1), min_size=n, max_size=n))
    answer = st.integers(NOT_PREDICTED, CLASSES - 1)
    answers = draw(st.lists(st.lists(answer, min_size=n, max_size=n), min_size=models, max_size=models))
    return np.array(labels, np.int64), np.array(answers, np.int64).reshape(models, n)


@given(answered())
def test_confusions_are_those_of_plain_loops(case: tuple[np.ndarray, np.ndarray]) -> None:
    labels, answers = case
    found = confusions(labels, answers, CLASSES)
    directed: dict[tuple[int, int], float] = {}
    for n, label in enumerate(labels.tolist()):
        heard = [answer for answer in answers[:, n].tolist() if answer != NOT_PREDICTED]
        for answer in heard:
            if answer not in (label, -1):
                directed[label, answer] = directed.get((label, answer), 0) + 1 / len(heard)
    pairs = sorted({(min(pair), max(pair)) for pair in directed})
    assert found.pairs.tolist() == [list(pair) for pair in pairs]
    for n, (low, high) in enumerate(pairs):
        assert found.low_as_high[n] == pytest.approx(directed.get((low, high), 0))
        assert found.high_as_low[n] == pytest.approx(directed.get((high, low), 0))
        for m in range(len(answers)):
            swapped = sum(
                (label, answer) in ((low, high), (high, low)) for label, answer in zip(labels, answers[m], strict=True)
            )
            assert found.mistaken[m, n] == swapped
    for label in range(CLASSES):
        here = answers[:, labels == label]
        assert found.images[label] == (here != NOT_PREDICTED).any(axis=0).sum()
        assert found.predicted[:, label].tolist() == (here != NOT_PREDICTED).sum(axis=1).tolist()
        assert found.correct[:, label].tolist() == (here == label).sum(axis=1).tolist()


def test_an_answer_outside_the_classes_is_wrong_and_confuses_no_pair() -> None:
    found = confusions(np.array([0, 0]), np.array([[-1, 1]]), classes=2)
    assert found.low_as_high.tolist() == [1] and found.predicted.tolist() == [[2, 0]]
    assert found.correct.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("co_selected", "exclusive", "two_objects", "confused", "expected"),
    [
        (20, 1, 0, (20, 20), SYNONYM),
        (20, 1, 20, (20, 20), UNDECIDED),  # people see two objects: a desk, a monitor
        (1, 20, 0, (20, 20), CONFUSABLE),
        (10, 10, 0, (20, 20), UNDECIDED),
        (3, 0, 0, (20, 20), UNDECIDED),  # all of three: the interval begins at 0.44
        (0, 3, 0, (20, 20), UNDECIDED),
        (0, 0, 0, (20, 20), UNDECIDED),
        (20, 1, 0, (0, 0), SEPARABLE),
        (0, 0, 0, (0, 0), SEPARABLE),
        (20, 1, 0, (5, 5), UNDECIDED),  # one answer in ten: the interval holds the limit
    ],
)
def test_verdicts_of_planted_pairs(
    co_selected: int, exclusive: int, two_objects: int, confused: tuple[int, int], expected: str
) -> None:
    """Mutation: points in place of intervals make a synonym of 3 images of 3."""
    shares = confusion(*confused, 50, 50)
    assert verdict(co_selected, exclusive, two_objects, shares, most=0.6, limit=0.1) == expected


def test_without_predictions_nothing_is_decided() -> None:
    """Two things that occur together are accepted together, as synonyms are: people's votes alone do not tell."""
    assert verdict(40, 0, 0, confusion(0, 0, 0, 0), most=0.6, limit=0.1) == UNDECIDED


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 50), st.integers(0, 50))
def test_more_votes_of_the_same_kind_never_take_a_verdict_back(co: int, ex: int, low: int, high: int) -> None:
    shares = confusion(low, high, 50, 50)
    before = verdict(co, ex, 0, shares, most=0.6, limit=0.1)
    if before == SYNONYM:
        assert verdict(co + 1, ex, 0, shares, most=0.6, limit=0.1) == SYNONYM
    if before == CONFUSABLE:
        assert verdict(co, ex + 1, 0, shares, most=0.6, limit=0.1) == CONFUSABLE


def test_one_direction_counts_where_a_class_has_no_images() -> None:
    assert confusion(5, 0, 10, 0)[::3] == (0.5, 10)
