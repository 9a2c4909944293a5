"""Votes as arrays, and the selection frequency counted once more by hand."""

from __future__ import annotations

from collections import defaultdict
from operator import itemgetter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.schema import to_arrow
from reground.tasks.votes import ANSWERS, encode, selection_frequency, self_contradictions
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
def test_selection_frequency_counts_a_maybe_half_and_a_person_once(
    rows: list[tuple[str, int, str, str, str]], question: str
) -> None:
    arrays = encode(to_arrow("votes", [vote(*row) for row in rows]))
    mask = arrays.contains if question else None
    weights: dict[tuple[str, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for image_id, label, person, answer, asked in rows:
        people = weights[image_id, label]
        if question in ("", asked):
            people[person].append({"no": 0.0, "maybe": 0.5, "yes": 1.0}[answer])
    expected = [[sum(said) / len(said) for said in weights[pair].values()] for pair in sorted(weights)]
    frequency, shown = selection_frequency(arrays, mask)
    assert shown.tolist() == [len(people) for people in expected]
    by_hand = [sum(people) / len(people) if people else np.nan for people in expected]
    np.testing.assert_allclose(frequency, by_hand, rtol=1e-12)
    both = [sum({0.0, 1.0} <= {*said} for said in weights[pair].values()) for pair in sorted(weights)]
    assert self_contradictions(arrays, mask).tolist() == both


def test_each_anonymous_answer_is_of_another_person() -> None:
    names = ["x:anonymous-1", "x:anonymous-2", "x:anonymous-1"]
    questions = ["rate", "rate", "compare"]
    votes = [vote("a", 7, "", annotator_id=name, question=q) for name, q in zip(names, questions, strict=True)]
    assert selection_frequency(encode(to_arrow("votes", votes)))[1].tolist() == [3]


def test_the_anonymous_of_a_source_count_as_one_for_each_question() -> None:
    names = ["x:anonymous-1", "x:anonymous-2", "y:anonymous-1", "x:someone", "x:anonymous-3"]
    questions = ["rate", "rate", "rate", "rate", "compare"]
    votes = [vote("a", 7, "", annotator_id=name, question=q) for name, q in zip(names, questions, strict=True)]
    first, second, other_source, known, other_question = encode(to_arrow("votes", votes)).annotator.tolist()
    assert first == second
    assert len({first, other_source, known, other_question}) == 4
