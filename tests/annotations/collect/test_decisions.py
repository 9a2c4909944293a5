"""A curator's answers and corrections become decisions, and the votes they touch stay as they were given."""

from __future__ import annotations

from typing import Any

import pytest

from reground.annotations.collect import adjudicate, parse_task
from reground.annotations.collect.decisions import parse_decisions
from reground.annotations.collect.edits import merge_versions
from reground.annotations.rounds import Question, Task, classify_result, contains_result, decide_result
from reground.tasks.schema import ClassIdx, ImageId, to_arrow
from tests.support.people import directory
from tests.support.questions import sent

PEOPLE = directory({1: "ann@lab", 2: "bob@lab", 3: "eve@lab", 4: "dan@lab"})
EVE, CURATORS = "eve@lab", ("eve@lab", "dan@lab")
GRID = Task("contains", 1, sent(Question("contains:1:7:0", (ImageId("a"), ImageId("b")), (ClassIdx(7),))), 5, 50)
SINGLE = Task("classify", 1, Question("classify:1:a", (ImageId("a"),), (ClassIdx(7), ClassIdx(8))), 6, 60)
DISPUTE = Task(
    "decide", 1, Question("decide:1:a:0 to eve@lab", (ImageId("a"),), (ClassIdx(7), ClassIdx(8)), EVE), 7, 70
)


def answer(result: Any, person: int = 1, at: str = "10:00", editor: int = 0, **other: Any) -> dict[str, Any]:
    time = f"2026-01-01T{at}:00Z"
    own = {"id": 9, "completed_by": person, "updated_by": editor or person, "result": result, "was_cancelled": False}
    return {**own, "created_at": time, "updated_at": time, "lead_time": 4.5, **other}


def labels(*numbers: int) -> list[ClassIdx]:
    return [ClassIdx(number) for number in numbers]


def parse(task: Task, *versions: dict[str, Any]) -> Any:
    return parse_task(task, versions, PEOPLE, {}, CURATORS)


def decided(rows: Any) -> dict[tuple[str, int], str]:
    to_arrow("decision_answers", rows.decision_answers)
    return {(row["image_id"], row["class_idx"]): row["answer"] for row in rows.decision_answers}


def voted(rows: Any) -> dict[tuple[str, int], str]:
    return {(row["image_id"], row["class_idx"]): row["answer"] for row in rows.votes}


def reasons(rows: Any) -> list[str]:
    return sorted(row["reason"] for row in rows.dropped)


def test_a_curator_decides_label_by_label_and_says_why() -> None:
    rows = parse(DISPUTE, answer(decide_result(labels(7), labels(8), " it is a 7 "), person=3))
    assert decided(rows) == {("a", 7): "yes", ("a", 8): "no"} and not rows.votes and not rows.dropped
    (first, _) = rows.decision_answers
    assert first["comment"] == "it is a 7" and first["annotator_id"] == "label-studio:3"
    assert first["answer_id"] == "label-studio:7:9" and first["at"] == "2026-01-01T10:00:00.000000+00:00"
    assert (first["key"], first["project_id"], first["task_id"]) == (DISPUTE.question.key, 7, 70)


def test_a_label_without_a_tick_stays_undecided() -> None:
    rows = parse(DISPUTE, answer(decide_result((), labels(8)), person=3))
    assert decided(rows) == {("a", 8): "no"} and rows.decision_answers[0]["comment"] is None


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (decide_result((), ()), "no label is decided"),
        (decide_result((), (), "a comment alone"), "no label is decided"),
        (decide_result(labels(7), labels(7)), "label 7 is both valid and not valid"),
        (decide_result(labels(9), ()), "9 was not an option"),
        ([{"from_name": "main", "value": {"choices": ["7"]}}], "neither a choice nor the comment"),
        ([7], "neither a choice nor the comment"),
        (None, "no label is decided"),
    ],
)
def test_what_decides_nothing_is_set_aside(result: Any, message: str) -> None:
    rows = parse(DISPUTE, answer(result, person=3))
    assert decided(rows) == {} and reasons(rows) == ["answer_invalid"]
    assert message in rows.dropped[0]["detail"] and "eve@lab" in rows.dropped[0]["detail"]


def test_only_the_curator_who_was_asked_decides() -> None:
    rows = parse(
        DISPUTE, answer(decide_result(labels(7), ()), person=2), answer([], person=1, id=10, was_cancelled=True)
    )
    assert decided(rows) == {} and reasons(rows) == ["answer_uninvited"]
    assert "assigned to eve@lab, answered by bob@lab" in rows.dropped[0]["detail"]
    assert [row["annotator_id"] for row in rows.skips] == ["label-studio:1"]


def test_the_last_answer_of_a_curator_counts() -> None:
    first = answer(decide_result(labels(7, 8), ()), person=3)
    last = answer(decide_result((), labels(8)), person=3, at="11:00", id=10)
    for order in ((first, last), (last, first)):
        rows = parse(DISPUTE, *order)
        assert decided(rows) == {("a", 8): "no"} and reasons(rows) == ["answer_superseded"]


def test_a_correction_decides_what_it_changes_and_the_vote_stays() -> None:
    given = answer(classify_result(labels(7), ClassIdx(7), "1"))
    corrected = answer(classify_result(labels(7, 8), ClassIdx(7), "2"), at="11:00", editor=3)
    rows = parse(SINGLE, *merge_versions([given], [corrected]))
    assert decided(rows) == {("a", 8): "yes"} and not rows.dropped
    assert voted(rows) == {("a", 7): "yes", ("a", 8): "no"}
    assert {row["annotator_id"] for row in rows.votes} == {"label-studio:1"}
    assert [row["annotator_id"] for row in rows.decision_answers] == ["label-studio:3"]


def test_of_a_grid_only_the_changed_images_are_decided() -> None:
    given = answer(contains_result(GRID.question, [ImageId("a")]))
    corrected = answer(contains_result(GRID.question, [ImageId("a"), ImageId("b")]), at="11:00", editor=3)
    assert decided(parse(GRID, given, corrected)) == {("b", 7): "yes"}


def test_a_change_by_anybody_else_is_set_aside_and_the_vote_stays() -> None:
    given = answer(contains_result(GRID.question, [ImageId("a")]))
    rows = parse(GRID, given, answer([], at="11:00", editor=2))
    assert voted(rows) == {("a", 7): "yes", ("b", 7): "no"} and decided(rows) == {}
    assert reasons(rows) == ["answer_tampered"]
    assert "submitted by ann@lab, edited by bob@lab; the answer as collected before counts" in rows.dropped[0]["detail"]


def test_an_answer_that_was_never_collected_is_no_vote() -> None:
    tampered = parse(GRID, answer([], editor=2))
    assert not tampered.votes and reasons(tampered) == ["answer_tampered"]
    assert "not collected before" in tampered.dropped[0]["detail"]
    single = parse(SINGLE, answer(classify_result(labels(8), ClassIdx(8), "1"), editor=3))
    assert not single.votes and reasons(single) == ["answer_overwritten"]
    assert decided(single) == {("a", 7): "no", ("a", 8): "yes"}
    grid = parse(GRID, answer([], editor=3))
    assert not grid.votes and decided(grid) == {} and reasons(grid) == ["answer_overwritten"]


def test_a_correction_outlives_what_the_annotator_does_next() -> None:
    given = answer(classify_result(labels(7), ClassIdx(7), "1"))
    corrected = answer(classify_result(labels(8), ClassIdx(8), "1"), at="11:00", editor=3)
    again = answer(classify_result(labels(7, 8), ClassIdx(7), "1"), at="12:00")
    versions = merge_versions(merge_versions([given], [corrected]), [again])
    rows = parse(SINGLE, *versions)
    assert decided(rows) == {("a", 7): "no", ("a", 8): "yes"}
    assert voted(rows) == {("a", 7): "yes", ("a", 8): "yes"} and not rows.dropped
    assert merge_versions(versions, [again]) == versions


def test_a_correction_of_the_main_label_alone_decides_nothing() -> None:
    given = answer(classify_result(labels(7, 8), ClassIdx(7), "1"))
    rows = parse(SINGLE, given, answer(classify_result(labels(7, 8), ClassIdx(8), "1"), at="11:00", editor=3))
    assert decided(rows) == {} and reasons(rows) == ["answer_tampered"] and len(rows.votes) == 2
    assert "no label changed" in rows.dropped[0]["detail"]


def test_an_edit_by_an_account_that_is_deleted_since_stays_an_edit() -> None:
    given, tampered = answer([]), answer(contains_result(GRID.question, [ImageId("a")]), at="11:00", editor=2)
    versions = merge_versions([given], [tampered])
    assert merge_versions(versions, [{**tampered, "updated_by": None}]) == versions
    assert voted(parse(GRID, *versions)) == {("a", 7): "no", ("b", 7): "no"}


def test_an_edit_is_nobodys_vote_though_the_account_behind_it_was_deleted_before_it_was_collected() -> None:
    given, tampered = answer([]), answer(contains_result(GRID.question, [ImageId("a")]), at="11:00", editor=2)
    versions = merge_versions([given], [{**tampered, "updated_by": None}])
    rows = parse(GRID, *versions)
    assert voted(rows) == {("a", 7): "no", ("b", 7): "no"} and reasons(rows) == ["answer_tampered"]
    assert "edited by a deleted user" in rows.dropped[0]["detail"]
    assert merge_versions(versions, [{**tampered, "updated_by": None}]) == versions


def test_a_change_by_the_annotator_counts_though_the_account_is_deleted_since() -> None:
    given, changed = answer([]), answer(contains_result(GRID.question, [ImageId("a")]), at="11:00")
    versions = merge_versions([given], [{**changed, "completed_by": None, "updated_by": None}])
    assert voted(parse(GRID, *versions)) == {("a", 7): "yes", ("b", 7): "no"}


def test_a_full_second_comes_before_its_fractions() -> None:
    first = answer(decide_result(labels(7), labels(8)))
    second = answer(decide_result(labels(8), labels(7)), id=10, updated_at="2026-01-01T10:00:00.500000Z")
    for versions in ((first, second), (second, first)):
        rows = parse(DISPUTE, *({**one, "completed_by": 3, "updated_by": 3} for one in versions))
        assert decided(rows) == {("a", 8): "yes", ("a", 7): "no"}


def test_a_curator_may_correct_another_and_the_later_decision_stands() -> None:
    own = answer(decide_result(labels(7), labels(8)), person=3)
    corrected = answer(decide_result((), labels(7, 8)), person=3, at="11:00", editor=4)
    rows = parse_decisions(DISPUTE, [own, corrected], PEOPLE, CURATORS)
    votes = {(ImageId("a"), ClassIdx(7)): {"yes": 2, "no": 3}}
    decisions, overruled = adjudicate(rows.decision_answers, votes, PEOPLE, "http://ls")
    to_arrow("decisions", decisions)
    assert [(row["class_idx"], row["answer"], row["annotator_id"]) for row in decisions] == [
        (7, "no", "label-studio:4"),
        (8, "no", "label-studio:3"),
    ]
    assert (decisions[0]["yes_votes"], decisions[0]["no_votes"], decisions[1]["yes_votes"]) == (2, 3, 0)
    assert decisions[0]["link"] == "http://ls/projects/7/data?task=70&annotation=9"
    (one,) = overruled
    assert one.answer["answer_id"] == "label-studio:7:9" and one.answer["annotator_id"] == "label-studio:3"
    assert "eve@lab says yes" in one.detail and "dan@lab says no" in one.detail
    assert adjudicate(rows.decision_answers[::-1], votes, PEOPLE, "http://ls") == (decisions, overruled)


def test_a_skip_counts_until_the_question_is_answered() -> None:
    skip = answer([], was_cancelled=True)
    rows = parse(GRID, skip)
    assert [(row["annotator_id"], row["key"]) for row in rows.skips] == [("label-studio:1", GRID.question.key)]
    assert to_arrow("skips", rows.skips).num_rows == 1 and not rows.dropped and not rows.votes
    assert not parse(GRID, skip, answer([], at="11:00", id=10)).skips
    assert len(parse(GRID, skip, answer([], at="11:00", id=10, was_cancelled=True)).skips) == 1
