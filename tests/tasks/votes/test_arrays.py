"""Votes as arrays, and the selection frequency counted once more by hand."""

from __future__ import annotations

from collections import defaultdict
from operator import itemgetter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.schema import to_arrow
from reground.tasks.votes import ANSWERS, encode, selection_frequency
from tests.support.tables import vote

VOTES = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(-1, 3),
        st.sampled_from("pqr"),
        st.sampled_from(ANSWERS),
        st.sampled_from(["contains", "classify", "rate"]),
    ),
    unique_by=itemgetter(0, 1, 2, 4),
)


@given(VOTES)
def test_indices_stand_for_the_rows(rows: list[tuple[str, int, str, str, str]]) -> None:
    arrays = encode(to_arrow("votes", [vote(*row) for row in rows]))
    pairs = [(arrays.image_ids[n], label) for n, label in zip(arrays.image, arrays.label.tolist(), strict=True)]
    assert pairs == sorted({row[:2] for row in rows})
    assert [pairs[n] for n in arrays.pair] == [row[:2] for row in rows]
    assert [ANSWERS[n] for n in arrays.answer] == [row[3] for row in rows]
    assert arrays.contains.tolist() == [row[4] == "contains" for row in rows]
    starts = arrays.starts()
    assert [pairs[start][0] for start in starts[:-1]] == arrays.image_ids and starts[-1] == len(pairs)


@given(VOTES, st.sampled_from(["contains", ""]))
def test_selection_frequency_counts_a_maybe_half(rows: list[tuple[str, int, str, str, str]], question: str) -> None:
    arrays = encode(to_arrow("votes", [vote(*row) for row in rows]))
    frequency, shown = selection_frequency(arrays, arrays.contains if question else None)
    weights: dict[tuple[str, int], list[float]] = defaultdict(list)
    for image_id, label, _, answer, asked in rows:
        weights[image_id, label] += [{"no": 0.0, "maybe": 0.5, "yes": 1.0}[answer]] if question in ("", asked) else []
    expected = [weights[pair] for pair in sorted(weights)]
    assert shown.tolist() == [len(said) for said in expected]
    by_hand = [sum(said) / len(said) if said else np.nan for said in expected]
    np.testing.assert_array_equal(frequency, by_hand)


def test_the_anonymous_of_a_source_count_as_one_for_each_question() -> None:
    names = ["x:anonymous-1", "x:anonymous-2", "y:anonymous-1", "x:someone", "x:anonymous-3"]
    questions = ["rate", "rate", "rate", "rate", "compare"]
    votes = [vote("a", 7, "", annotator_id=name, question=q) for name, q in zip(names, questions, strict=True)]
    first, second, other_source, known, other_question = encode(to_arrow("votes", votes)).annotator.tolist()
    assert first == second
    assert len({first, other_source, known, other_question}) == 4
