"""Blind rounds: whom each question goes to, and in which order."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.annotations.rounds import (
    Question,
    RoundPlan,
    read_tasks,
)
from reground.annotations.rounds.assignment import assign
from reground.annotations.rounds.questions import assign_to
from reground.tasks.errors import UsageError
from reground.tasks.schema import ClassIdx, ImageId
from reground.tasks.votes import annotator_rows
from reground.tasks.workspace import Workspace
from tests.support.people import directory
from tests.support.rounds_world import PEOPLE, create_tasks, import_gold, plan, settled
from tests.support.tables import candidate, put, vote

SUBJECTS = st.integers(1, 30)


@given(SUBJECTS, st.integers(1, 4), st.integers(0, 60), st.integers(0, 5))
def test_each_question_goes_to_as_many_people_as_asked_and_all_have_their_share(
    count: int, overlap: int, kept: int, seed: int
) -> None:
    """Whatever a killed push left out."""
    asked = [Question(f"classify:1:{n}", (ImageId(str(n)),), (ClassIdx(1), ClassIdx(2))) for n in range(count)]
    before = assign(asked, [], PEOPLE, overlap, seed)[:kept]
    after = assign(asked, before, PEOPLE, overlap, seed)
    both = [*before, *after]
    assert Counter(q.subject for q in both) == {q.key: overlap for q in asked}
    assert len({q.key for q in both}) == len({(q.subject, q.annotator) for q in both}) == len(both)
    load = Counter(q.annotator for q in both)
    assert max(load.values()) - min(load[person] for person in PEOPLE) <= 1
    assert not assign(asked, both, PEOPLE, overlap, seed)


def test_too_few_people_to_be_blind() -> None:
    with pytest.raises(UsageError, match=r"at least 3 annotators.*names 2 whose votes count: `reground review invite"):
        assign([], [], PEOPLE[:2], 3, 0)


def test_an_address_is_one_however_it_is_written_and_no_other_word_will_do(workspace: Workspace) -> None:
    made = plan(workspace, blind=True, annotators=("Ann@Lab", "ann@lab", "bob@lab"))
    assert {q.annotator for q in made.questions} == {"ann@lab", "bob@lab"}
    with pytest.raises(UsageError, match=r"an e-mail address such as .*, got 'bob of lab'"):
        plan(workspace, blind=True, annotators=("ann@lab", "bob of lab"))


def test_everybody_has_an_order_of_their_own(workspace: Workspace) -> None:
    base = Question("classify:1:a", (ImageId("a"),), tuple(ClassIdx(n) for n in range(6)))
    own = [assign_to(base, person, 0) for person in PEOPLE]
    assert len({q.class_idxs for q in own}) == len(PEOPLE) and {q.subject for q in own} == {base.key}
    assert all(sorted(q.class_idxs) == sorted(base.class_idxs) for q in own)


def test_a_blind_round_with_controls_and_gold_can_be_resumed(workspace: Workspace, tmp_path: Path) -> None:
    settled(workspace)
    put(workspace, "candidates", [candidate(f"i{n:02d}", 0) for n in range(6, 12)])
    import_gold(workspace, tmp_path, "i00,0,yes", "i01,0,no", "i02,0,no")
    for kind in ("contains", "classify"):
        chosen = {"blind": True, "annotators": PEOPLE, "grid": 5, "gold_rate": 0.25, "selection": "candidates"}
        whole = plan(workspace, kind, **chosen)
        create_tasks(workspace, RoundPlan(whole.questions[:3], whole.controls), kind, 1)
        rest = plan(workspace, kind, **chosen)
        shown = Counter(q.subject for q in (*whole.questions[:3], *rest.questions))
        gold_only = {f"classify:1:i{n:02d}" for n in range(3)}
        assert {count for subject, count in shown.items() if subject not in gold_only} == {2}
        assert not {q.key for q in whole.questions[:3]} & {q.key for q in rest.questions}
        create_tasks(workspace, rest, kind, 1, 100)
        assert plan(workspace, kind, **chosen).questions == []
        if kind == "classify":
            each = {p: [q for q in (*whole.questions[:3], *rest.questions) if q.annotator == p] for p in PEOPLE}
            assert all(any(q.subject in gold_only for q in own) for own in each.values())


def test_who_leaves_or_is_excluded_hands_their_questions_on(workspace: Workspace) -> None:
    blind = {"blind": True, "selection": "candidates", "overlap": 1}
    create_tasks(workspace, plan(workspace, "classify", annotators=PEOPLE[:2], **blind), "classify", 1)
    of_ann = [t.question for t in read_tasks(workspace) if t.question.annotator == "ann@lab"]
    done, *open_ = sorted(question.image_ids[0] for question in of_ann)
    answers = [vote(done, label, "ann@lab", annotator_id="label-studio:1") for label in (0, 1)]
    put(workspace, "votes", answers)
    put(workspace, "users", list(directory(dict(enumerate(PEOPLE, 1))).rows.values()))
    left = plan(workspace, "classify", annotators=PEOPLE[1:3], **blind).questions
    assert sorted(q.image_ids[0] for q in left) == open_ and {q.annotator for q in left} <= set(PEOPLE[1:3])
    assert plan(workspace, "classify", annotators=PEOPLE[:3], **blind).questions == []
    (row,) = annotator_rows(workspace.read("votes"))
    put(workspace, "annotators", [row | {"excluded": "asleep"}])
    left = plan(workspace, "classify", annotators=PEOPLE[:3], **blind).questions
    assert sorted(q.image_ids[0] for q in left) == [done, *open_] and "ann@lab" not in {q.annotator for q in left}
    with pytest.raises(UsageError, match="names 0 whose votes count"):
        plan(workspace, "classify", annotators=PEOPLE[:1], **blind)


def test_a_round_goes_on_as_it_was_begun(workspace: Workspace) -> None:
    create_tasks(workspace, plan(workspace), "contains", 2)
    with pytest.raises(
        UsageError,
        match=r"shared, with review.overlap = 2, and .* shared, with review.overlap = 3",
    ):
        plan(workspace, overlap=3)
    with pytest.raises(UsageError, match=r"go on blind: .*--no-blind --overlap 2, or .* --round 2"):
        plan(workspace, blind=True, annotators=PEOPLE)


def test_who_skipped_a_question_is_replaced_by_somebody_who_was_not_asked(workspace: Workspace) -> None:
    users = directory({1: PEOPLE[0], 2: PEOPLE[1], 3: PEOPLE[2]})
    put(workspace, "users", list(users.rows.values()))
    people = PEOPLE[:3]
    made = plan(workspace, "classify", blind=True, annotators=people, overlap=1)
    create_tasks(workspace, made, "classify", 1)
    question = next(q for q in made.questions if q.annotator == people[0])
    skip = {"answer_id": "label-studio:7:1", "annotator_id": "label-studio:1", "round": 1, "question": "classify"}
    rows = [{**skip, "key": question.key, "at": "2026-01-01T00:00:00Z"}]
    put(workspace, "skips", rows)
    (again,) = plan(workspace, "classify", blind=True, annotators=people, overlap=1).questions
    assert again.subject == question.subject and again.annotator in people[1:]
    put(workspace, "skips", [{**rows[0], "round": 2}])
    assert not plan(workspace, "classify", blind=True, annotators=people, overlap=1).questions


def test_a_question_that_nobody_is_left_for_stays_with_nobody() -> None:
    question = Question("classify:1:a", (ImageId("a"),), (ClassIdx(1), ClassIdx(2)))
    assert not assign([question], [], PEOPLE, 1, 0, {question.subject: set(PEOPLE)})
    (only,) = assign([question], [], PEOPLE, 2, 0, {question.subject: set(PEOPLE[1:])})
    assert only.annotator == PEOPLE[0]
