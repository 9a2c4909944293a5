"""The max-k-cut against trying every assignment, one digit a label."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.kernels.objects import co_selections, cut_weight, max_k_cut


@st.composite
def choices(draw: st.DrawFn) -> np.ndarray:
    labels, people = draw(st.integers(1, 5)), draw(st.integers(1, 9))
    return np.array(
        draw(st.lists(st.lists(st.booleans(), min_size=labels, max_size=labels), min_size=people, max_size=people))
    )


@given(choices())
def test_chosen_together_counts_people(chosen: np.ndarray) -> None:
    weights = co_selections(chosen)
    for a, b in itertools.permutations(range(chosen.shape[1]), 2):
        assert weights[a, b] == sum(bool(row[a] and row[b]) for row in chosen)
    assert not weights.diagonal().any()


@given(choices(), st.integers(1, 4))
def test_no_assignment_cuts_more(chosen: np.ndarray, k: int) -> None:
    weights = co_selections(chosen)
    groups = max_k_cut(weights, k)
    best = max(
        sum(weights[a, b] for a, b in itertools.combinations(range(len(weights)), 2) if given_[a] != given_[b])
        for given_ in itertools.product(range(k), repeat=len(weights))
    )
    assert cut_weight(weights, groups) == best
    assert max(groups) < k and groups[0] == 0


def test_labels_chosen_together_are_different_objects() -> None:
    desk_and_monitor = np.array([[1, 1, 0], [1, 0, 1], [1, 1, 0]], bool)
    assert max_k_cut(co_selections(desk_and_monitor), 2) == [0, 1, 1]
