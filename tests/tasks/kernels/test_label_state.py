"""When a label is decided, and an image settled."""

from __future__ import annotations

import numpy as np
import pytest

from reground.tasks.kernels.label_state import JudgedLabels, settled, undecided

ORIGINAL, OTHER = True, False


def label(original: bool, yes: float, people: int, confidence: float | None = None) -> JudgedLabels:
    """One other label of an image whose original label five of five selected; or that original label."""
    share = yes / people
    return JudgedLabels(
        image=np.array([0, 0]),
        original=np.array([True, original]),
        confidence=np.array([1.0, share if confidence is None else confidence]),
        frequency=np.array([1.0, share]),
        annotators=np.array([5, people]),
    )


@pytest.mark.parametrize(
    ("yes", "people", "keep", "expected"),
    [
        (3.0, 5, 0.5, False),
        (2.0, 5, 0.5, False),
        (2.5, 5, 0.5, True),  # as many yes as no, and a maybe
        (3.0, 6, 0.5, True),
        (500.0, 1000, 0.5, True),
        (3.0, 6, 0.8, False),  # this threshold is no majority
        (3.0, 6, 0.3, False),
        (4.0, 5, 0.8, False),  # four fifths are a decision, not a tie
        (4.0, 4, 0.5, True),
        (2.0, 4, 0.8, True),
        (1.0, 2, 0.5, True),
        (1.0, 3, 0.5, False),  # selected less than half as often as the original label
        (0.0, 1, 0.5, False),
    ],
)
def test_another_label(yes: float, people: int, keep: float, expected: bool) -> None:
    assert undecided(label(OTHER, yes, people), 5, 0.5, keep).tolist() == [False, expected]


@pytest.mark.parametrize(("yes", "people", "expected"), [(0.0, 4, True), (4.0, 4, True), (0.0, 5, False)])
def test_the_original_label_needs_enough_people(yes: float, people: int, expected: bool) -> None:
    labels = JudgedLabels(*(np.array([value]) for value in (0, True, yes / people, yes / people, people)))
    assert undecided(labels, 5, 0.5, 0.5).tolist() == [expected]


def test_a_method_that_believes_in_a_label_of_few_people_does_not_decide_it() -> None:
    assert undecided(label(OTHER, 1.0, 3, confidence=0.9), 5, 0.5, 0.8).tolist() == [False, True]
    assert undecided(label(OTHER, 1.0, 3, confidence=0.7), 5, 0.5, 0.8).tolist() == [False, False]


def test_the_confidence_of_a_method_ties_not_its_votes() -> None:
    assert undecided(label(OTHER, 3.0, 6, confidence=0.7), 5, 0.5, 0.5).tolist() == [False, False]
    assert undecided(label(OTHER, 2.0, 6, confidence=0.5 + 1e-12), 5, 0.5, 0.5).tolist() == [False, True]


def test_where_nobody_selected_the_original_label_any_selected_one_may_hold() -> None:
    share = np.array([0.0, 0.25, 0.0])
    labels = JudgedLabels(np.zeros(3, np.int64), np.array([True, False, False]), share, share, np.array([5, 4, 4]))
    assert undecided(labels, 5, 0.5, 0.5).tolist() == [False, True, False]


def test_settled_image_by_image() -> None:
    """Settled; a tie; the original label not judged; unknown, one label judged; unknown, too few; no label."""
    image = np.array([0, 0, 1, 1, 2, 3, 3, 4])
    original = np.array([True, False, True, False, False, False, False, False])
    share = np.array([1.0, 0.0, 1.0, 0.5, 0.0, 1.0, 0.0, 0.0])
    labels = JudgedLabels(image, original, share, share, np.array([5, 5, 6, 6, 5, 5, 1, 4]))
    known = np.array([True, True, True, False, False, True])
    pending = undecided(labels, 5, 0.5, 0.5)
    assert settled(labels, pending, known, 5).tolist() == [True, False, False, True, False, False]


def test_no_labels() -> None:
    none = JudgedLabels(*(np.zeros(0, kind) for kind in (np.int64, np.bool_, float, float, np.int64)))
    assert undecided(none, 5, 0.5, 0.5).tolist() == []
    assert settled(none, np.zeros(0, np.bool_), np.zeros(0, np.bool_), 5).tolist() == []
