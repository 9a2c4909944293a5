"""Answers into votes: only what was shown counts, and what does not count is written down."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reground.annotations.collect.parse import parse_annotations
from reground.annotations.rounds import Question, Task, classify_result, contains_result
from reground.tasks.schema import ClassIdx, ImageId, to_arrow
from reground.tasks.votes import annotator_rows
from tests.support.people import directory
from tests.support.questions import sent

PEOPLE = directory({1: "ann@lab", 2: "bob@lab"})
GRID = Task("contains", 1, sent(Question("contains:1:7:0", (ImageId("a"), ImageId("b")), (ClassIdx(7),))), 5, 50)
TILE_A, TILE_B = GRID.question.options
SINGLE = Task("classify", 1, Question("classify:1:a", (ImageId("a"),), (ClassIdx(7), ClassIdx(8))), 6, 60)
CLASSIFY_NONE = classify_result([], None, "")


def answer(result, person=1, number=1, at="2026-01-01T10:00:00Z", **other):
    return {
        "id": number,
        "completed_by": person,
        "updated_by": person,
        "result": result,
        "was_cancelled": False,
        "updated_at": at,
        "lead_time": 4.5,
    } | other


def only_drop(task, *given_answers):
    made = parse_annotations(task, given_answers, PEOPLE)
    assert len(made.dropped) == 1
    return made.dropped[0]


def test_contains_gives_a_vote_for_every_image_shown():
    made = parse_annotations(GRID, [answer(contains_result(GRID.question, [ImageId("b")]))], PEOPLE)
    assert [(v["image_id"], v["answer"]) for v in made.votes] == [("a", "no"), ("b", "yes")]
    assert {v["annotator_id"] for v in made.votes} == {"label-studio:1"}
    assert {v["answer_id"] for v in made.votes} == {"label-studio:5:1"}
    assert {v["at"] for v in made.votes} == {"2026-01-01T10:00:00.000000+00:00"}
    assert to_arrow("votes", made.votes).num_rows == 2


def test_nothing_ticked_is_an_answer():
    made = parse_annotations(GRID, [answer([])], PEOPLE)
    assert [v["answer"] for v in made.votes] == ["no", "no"] and not made.dropped


def test_classify_gives_a_vote_for_every_candidate():
    made = parse_annotations(SINGLE, [answer(classify_result([ClassIdx(8)], ClassIdx(8), "5+"))], PEOPLE)
    rows = [(v["class_idx"], v["answer"], v["main"], v["num_objects"]) for v in made.votes]
    assert rows == [(7, "no", False, 5), (8, "yes", True, 5)]
    made = parse_annotations(SINGLE, [answer(CLASSIFY_NONE)], PEOPLE)
    assert [(v["answer"], v["main"], v["num_objects"]) for v in made.votes] == [("no", False, None)] * 2
    assert to_arrow("votes", made.votes).num_rows == 2


def test_recorded_annotators_are_named_as_such():
    made = parse_annotations(GRID, [answer([]), answer([], 2, 2)], directory({1: "ann@lab", 2: "bob@lab"}, "bob@lab"))
    assert {(v["annotator_id"], v["source"]) for v in made.votes} == {
        ("label-studio:1", "label-studio"),
        ("recorded:2", "recorded"),
    }


def choice(name, *values):
    return {"from_name": name, "type": "choices", "value": {"choices": list(values)}}


@pytest.mark.parametrize(
    ("task", "result", "says"),
    [
        (GRID, [choice("contains", "a")], "a was not an option"),
        (GRID, [choice("valid", "7")], "unknown controls: valid"),
        (GRID, [choice("contains", TILE_A), choice("contains", TILE_B)], "twice"),
        (GRID, [{"from_name": "contains", "value": {"text": "a"}}], "not a choice"),
        (GRID, [{"from_name": "contains", "value": {"choices": "a"}}], "no list"),
        (GRID, "a", "expected a list"),
        (SINGLE, [], "neither"),
        (SINGLE, [*CLASSIFY_NONE, *classify_result([ClassIdx(7)], ClassIdx(7), "1")], "both"),
        (SINGLE, classify_result([ClassIdx(9)], ClassIdx(9), "1"), "9 was not an option"),
        (SINGLE, classify_result([ClassIdx(7)], ClassIdx(8), "1"), "not among the valid"),
        (SINGLE, classify_result([ClassIdx(7)], ClassIdx(7), "6"), "number of objects"),
        (SINGLE, classify_result([ClassIdx(7)], ClassIdx(7), "1")[:2], "num_objects: expected one"),
        (SINGLE, [choice("valid", "7"), choice("num_objects", "1")], "main: expected one"),
        (SINGLE, [choice("none", "all_of_these")], "was not an option"),
    ],
)
def test_answers_that_contradict_the_question_are_dropped(task, result, says):
    dropped = only_drop(task, answer(result))
    assert dropped["reason"] == "answer_invalid" and dropped["item"].startswith("label-studio:")
    assert says in dropped["detail"] and task.question.key in dropped["detail"] and "ann@lab" in dropped["detail"]


def test_the_last_answer_of_a_person_counts():
    first = answer(contains_result(GRID.question, [ImageId("a")]), number=1, at="2026-01-01T12:30:00+02:00")
    last = answer(contains_result(GRID.question, [ImageId("b")]), number=2, at="2026-01-01T10:31:00Z")
    for order in ([first, last], [last, first]):
        made = parse_annotations(GRID, order, PEOPLE)
        assert [(v["image_id"], v["answer"]) for v in made.votes] == [("a", "no"), ("b", "yes")]
        assert [d["reason"] for d in made.dropped] == ["answer_superseded"]


def test_skips_are_no_answers():
    made = parse_annotations(GRID, [answer([], was_cancelled=True)], PEOPLE)
    assert not made.votes and not made.dropped


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["from_name", "value", "choices", "x"]), inner, max_size=3)
    ),
)


@given(JSON, st.sampled_from([GRID, SINGLE]))
@example([{"from_name": [], "value": {"choices": None}}], GRID)
@example([{"from_name": {}, "value": {"choices": []}}], SINGLE)
def test_any_result_becomes_votes_or_a_dropped_row(result, task):
    made = parse_annotations(task, [answer(result)], PEOPLE)
    assert bool(made.votes) != bool(made.dropped)


def test_agreement_is_with_the_majority_of_the_others():
    rows = []
    for image_id, answers in {"a": "yyyn", "b": "yyyn", "c": "nnyy"}.items():
        for person, letter in enumerate(answers):
            rows.append(
                {
                    "round": 1,
                    "question": "contains",
                    "image_id": image_id,
                    "class_idx": 7,
                    "annotator_id": f"s:{person}",
                    "answer": "yes" if letter == "y" else "no",
                    "seconds": 2.0 + person,
                    "source": "s",
                    "answer_id": f"{image_id}{person}",
                }
            )
    table = annotator_rows(pd.DataFrame(rows))
    assert [row["annotator_id"] for row in table] == ["s:0", "s:1", "s:2", "s:3"]
    # c: the others of each split 1 to 2 against them; a, b: the first three agree, the last does not
    assert [row["agreement"] for row in table] == pytest.approx([2 / 3, 2 / 3, 2 / 3, 0.0])
    assert [row["seconds_per_task"] for row in table] == [2.0, 3.0, 4.0, 5.0]
    assert {row["votes"] for row in table} == {3}


def test_nobody_to_agree_with_is_no_agreement():
    made = parse_annotations(GRID, [answer([], lead_time=None)], PEOPLE)
    (row,) = annotator_rows(pd.DataFrame(made.votes))
    assert row["agreement"] is None and row["seconds_per_task"] is None
    assert annotator_rows(pd.DataFrame(made.votes[:0])) == []
