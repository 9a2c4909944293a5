"""Main label, number of objects, and which labels name the same one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reground.annotations.truth.objects import MAX_GROUPED, Answer, Objects, answers, find_objects, group_labels, mode
from reground.tasks.kernels.objects import co_selections, cut_weight, max_k_cut
from reground.tasks.schema import to_arrow
from tests.support.tables import vote


def test_main_label_and_number_of_objects_are_modes_and_ties_stay_visible() -> None:
    given_ = [Answer([3, 7], 7, 2), Answer([3], 3, 1), Answer([3, 7], 3, 2), Answer([7], 7, 1)]
    found = find_objects(given_)
    assert (found.main_label, found.main_tied) == (7, True)
    assert (found.num_objects, found.num_objects_tied) == (2, True)
    assert sorted(found.objects) == [[3], [7]]


def test_nobody_asked_saw_nothing() -> None:
    assert find_objects([]) == Objects() == find_objects([Answer([], None, None)])


def test_who_answered_first_comes_first() -> None:
    later, sooner = "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"
    rows = [
        vote("b", 7, "x", "no", answer_id="1", at=None),
        vote("a", 7, "x", "yes", main=True, num_objects=1, answer_id="1", at=later),
        vote("a", 3, "y", "yes", main=True, num_objects=2, answer_id="2", at=sooner),
        vote("a", 7, "y", "yes", num_objects=2, answer_id="2", at=sooner),
    ]
    assert list(answers(to_arrow("votes", rows))) == [
        ("a", [Answer([3, 7], 3, 2), Answer([7], 7, 1)]),
        ("b", [Answer([], None, None)]),
    ]


def test_labels_that_nobody_chose_together_are_one_object() -> None:
    objects, isolated = group_labels([[527, 664], [527, 782], [527, 664]], 2)
    assert (sorted(map(sorted, objects)), isolated) == ([[527], [664, 782]], [])


def test_a_label_chosen_beside_no_other_is_kept_and_flagged() -> None:
    objects, isolated = group_labels([[1, 2], [1, 2], [3]], 2)
    assert (objects, isolated) == ([[1, 3], [2]], [3])
    assert group_labels([[1], [3]], 2) == ([[1, 3]], [1, 3])
    assert group_labels([[1], [3]], 1) == ([[1, 3]], [])  # one object: all its labels name it


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, unique=True), min_size=1), st.integers(1, 4))
def test_no_label_is_lost_and_the_cut_is_the_largest(valid: list[list[int]], k: int) -> None:
    objects, isolated = group_labels(valid, k)
    labels = sorted({label for chosen in valid for label in chosen})
    assert sorted(label for group in objects for label in group) == labels
    assert set(isolated) <= set(labels) and len(objects) <= k
    weights = chosen_together_of(valid, labels)
    of = [next(n for n, group in enumerate(objects) if label in group) for label in labels]
    assert cut_weight(weights, of) == cut_weight(weights, max_k_cut(weights, k))


def chosen_together_of(valid: list[list[int]], labels: list[int]):
    import numpy as np

    return co_selections(np.array([[label in chosen for label in labels] for chosen in valid]))


def test_more_labels_than_can_be_grouped_exactly_are_placed_too() -> None:
    many = list(range(MAX_GROUPED + 3))
    valid = [[0, 1]] * 3 + [[0, label] for label in many[2:]] + [[1, label] for label in many[2:-1]]
    objects, isolated = group_labels(valid, 3)
    assert sorted(label for group in objects for label in group) == many and not isolated
    assert [0] in objects and [1, many[-1]] in [sorted(group) for group in objects]


@given(st.lists(st.integers(0, 4)))
def test_mode_against_counting(values: list[int]) -> None:
    value, tied = mode(values)
    counts = {v: values.count(v) for v in values}
    best = [v for v in counts if counts[v] == max(counts.values())]
    assert (value, tied) == ((best[0], len(best) > 1) if values else (None, False))
