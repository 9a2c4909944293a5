"""What people are asked: every candidate once, in an order that tells nothing."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from reground.annotations.rounds.questions import CONTAINS, Question, classify_questions, contains_questions
from reground.annotations.rounds.task_data import (
    LabelText,
    classify_data,
    classify_result,
    contains_data,
    contains_result,
)
from reground.tasks.schema import ClassIdx, ImageId
from tests.support.questions import sent

PAIRS = st.sets(st.tuples(st.sampled_from([f"image{n}" for n in range(12)]), st.integers(0, 5)), max_size=40)


def table(pairs):
    return pd.DataFrame(sorted(pairs), columns=["image_id", "class_idx"])


def pairs_of(asked):
    return [(image_id, label) for q in asked for image_id in q.image_ids for label in q.class_idxs]


@given(PAIRS, st.integers(1, 5), st.integers(0, 3))
def test_contains_asks_every_pair_once(pairs, grid, seed):
    asked = contains_questions(table(pairs), [], 1, grid, seed)
    assert sorted(pairs_of(asked)) == sorted(pairs)
    assert len({q.key for q in asked}) == len(asked)
    assert all(len(q.class_idxs) == 1 and 1 <= len(q.image_ids) <= grid for q in asked)


@given(PAIRS, PAIRS, st.integers(1, 5), st.integers(0, 40))
def test_contains_resumes_and_grows_without_asking_a_pair_twice(first, more, grid, kept):
    """A killed push leaves any part of the questions out; later there are more candidates."""
    before = contains_questions(table(first), [], 1, grid, 0)[:kept]
    after = contains_questions(table(first | more), before, 1, grid, 0)
    assert sorted(pairs_of([*before, *after])) == sorted(first | more)
    assert len({q.key for q in [*before, *after]}) == len(before) + len(after)


@given(PAIRS, st.integers(0, 40))
def test_classify_asks_every_image_once_with_all_its_candidates(pairs, kept):
    before = classify_questions(table(pairs), [], 1, 0)[:kept]
    after = classify_questions(table(pairs), before, 1, 0)
    assert sorted(pairs_of([*before, *after])) == sorted(pairs)
    assert all(len(q.image_ids) == 1 for q in after)


def test_order_is_drawn_from_the_seed_and_differs_between_images():
    labels = range(6)
    frame = table({(f"image{n}", label) for n in range(20) for label in labels})
    orders = {q.class_idxs for q in classify_questions(frame, [], 1, 0)}
    assert len(orders) > 10
    assert classify_questions(frame, [], 1, 0) == classify_questions(frame.sample(frac=1, random_state=1), [], 1, 0)
    assert classify_questions(frame, [], 1, 0) != classify_questions(frame, [], 1, 1)


def test_keys_hold_round_and_subject():
    frame = table({("a", 7), ("b", 7), ("c", 7)})
    assert [q.key for q in contains_questions(frame, [], 3, 2, 0)] == ["contains:3:7:0", "contains:3:7:1"]
    assert [q.key for q in classify_questions(frame, [], 3, 0)] == ["classify:3:a", "classify:3:b", "classify:3:c"]


def test_what_is_shown_is_escaped_and_nothing_is_ticked():
    labels = {ClassIdx(1): LabelText("<script>", "a & b"), ClassIdx(2): LabelText("cat", "")}
    frame = table({("a", 1), ("a", 2)})

    def link(image_id: ImageId) -> str:
        return "/data/x.jpg"

    grids = [contains_data(q, labels, link) for q in map(sent, contains_questions(frame, [], 1, 48, 0))]
    single = classify_data(sent(classify_questions(frame, [], 1, 0)[0]), labels, link)
    assert "&lt;script&gt;" in str(grids) and "&lt;script&gt;" in str(single["candidates"])
    assert "a &amp; b" in str(grids) and "a &amp; b" in str(single["candidates"])
    assert "selected" not in str([grids, single]) and "predictions" not in str([grids, single])
    assert [c["alias"] for c in single["candidates"]] == [m["alias"] for m in single["mains"]]
    keys = [option["hotkey"] for option in [*single["candidates"], *single["mains"]]]
    assert len(set(keys)) == len(keys)


def test_many_candidates_run_out_of_keys_but_not_of_rows():
    labels = {ClassIdx(n): LabelText(f"label {n}", "") for n in range(40)}
    shown = classify_data(classify_questions(table({("a", n) for n in labels}), [], 1, 0)[0], labels, lambda _: "/x")
    assert len(shown["candidates"]) == len(shown["mains"]) == 40
    taken = [o["hotkey"] for o in [*shown["candidates"], *shown["mains"]] if "hotkey" in o]
    assert len(taken) == len(set(taken)) and not set(taken) & set("zxcbnhv0")


def test_results_name_keys_not_positions():
    question = sent(Question("contains:1:7:0", (ImageId("b"), ImageId("a")), (ClassIdx(7),)))
    assert contains_result(question, []) == []
    (only,) = contains_result(question, [ImageId("a")])
    assert (only["from_name"], only["value"]) == (CONTAINS, {"choices": [question.options[1]]})
    assert [item["from_name"] for item in classify_result([ClassIdx(1)], ClassIdx(1), "2")] == [
        "valid",
        "main",
        "num_objects",
    ]
    assert classify_result([], None, "")[0]["value"] == {"choices": ["none_of_these"]}
