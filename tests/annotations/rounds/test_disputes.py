"""Which labels are in doubt and why, and what a curator is asked about them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from reground.annotations.rounds import (
    Dispute,
    ReviewRound,
    ReviewSettings,
    Task,
    find_disputes,
    plan_decisions,
)
from reground.annotations.rounds.task_data import LabelText, decide_data
from reground.annotations.rounds.task_registry import register_tasks
from reground.tasks.schema import AnnotatorId, ClassIdx, ImageId
from reground.tasks.votes import DEFAULT_POLICY, VOTE_COLUMNS, read_votes
from reground.tasks.workspace import Workspace
from tests.support.rounds_world import import_gold, truth
from tests.support.tables import put, put_truth, vote

EVE = "eve@lab"


def disputes(workspace: Workspace, *decided: tuple[str, int]) -> list[Dispute]:
    votes = read_votes(workspace, replace(DEFAULT_POLICY, count_gold=True), VOTE_COLUMNS)
    return find_disputes(workspace, votes, [(ImageId(image_id), ClassIdx(label)) for image_id, label in decided])


def answers(image_id: str, label: int, letters: str, question: str = "classify") -> list[dict[str, Any]]:
    words = {"y": "yes", "n": "no", "m": "maybe"}
    return [
        vote(image_id, label, person, words[letter], question)
        for person, letter in zip("abcdefgh", letters, strict=False)
    ]


def reasons(workspace: Workspace, *decided: tuple[str, int]) -> dict[tuple[str, int], tuple[str, ...]]:
    return {(one.image_id, one.class_idx): one.reasons for one in disputes(workspace, *decided)}


def test_ties_and_narrow_majorities_are_in_doubt(workspace: Workspace) -> None:
    rows = [
        *answers("i00", 0, "yn"),
        *answers("i00", 1, "yyn"),
        *answers("i01", 1, "yyyn"),  # three quarters agree
        *answers("i02", 2, "y"),  # one vote is no dispute: more people are needed
        *answers("i03", 0, "mm"),
    ]
    put(workspace, "votes", rows)
    expected = {("i00", 0): ("tie",), ("i03", 0): ("tie",), ("i00", 1): ("low confidence",)}
    assert reasons(workspace) == expected
    assert list(reasons(workspace))[-1] == ("i00", 1)  # the most divided come first
    assert reasons(workspace, ("i00", 0), ("i03", 0)) == {("i00", 1): ("low confidence",)}


def test_votes_given_side_by_side_outweigh_those_in_a_grid(workspace: Workspace) -> None:
    grid = [{**row, "annotator_id": f"grid:{n}"} for n, row in enumerate(answers("i00", 0, "ynyn", "contains"))]
    put(workspace, "votes", grid)
    assert reasons(workspace) == {("i00", 0): ("tie",)}
    put(workspace, "votes", [*grid, *answers("i00", 0, "yyyy")])
    assert reasons(workspace) == {}


def test_what_the_truth_is_unsure_of_is_in_doubt(workspace: Workspace) -> None:
    put(workspace, "votes", [*answers("i00", 0, "yyyyy"), *answers("i01", 1, "yyyyy")])
    put_truth(workspace, [truth("i00", {0: 0.6}), truth("i01", {1: 0.9})])
    assert reasons(workspace) == {("i00", 0): ("low confidence",)}


def test_a_known_answer_that_most_votes_contradict_is_in_doubt(workspace: Workspace, tmp_path: Path) -> None:
    import_gold(workspace, tmp_path, "i00,class 0,no", "i01,class 1,yes", "i02,class 2,yes")
    put(workspace, "votes", [*answers("i00", 0, "yyyy"), *answers("i01", 1, "yyyyn"), *answers("i02", 2, "n")])
    assert reasons(workspace) == {("i00", 0): ("contradicts gold",), ("i02", 2): ("contradicts gold",)}


def test_who_says_yes_and_no_side_by_side_contradicts_oneself(workspace: Workspace) -> None:
    again = [{**row, "round": 2, "answer_id": "2"} for row in answers("i00", 0, "n")]
    put(workspace, "votes", [*answers("i00", 0, "yyyyyyy"), *again])
    assert reasons(workspace) == {("i00", 0): ("contradicts oneself",)}
    put(workspace, "votes", [*answers("i00", 0, "yyyyyyy"), *answers("i00", 0, "nnn", "contains")])
    assert reasons(workspace) == {}  # side by side outweighs a grid


def test_a_dispute_names_who_says_what(workspace: Workspace) -> None:
    put(workspace, "votes", answers("i00", 0, "ynm"))
    (dispute,) = disputes(workspace)
    assert {answer: list(people) for answer, people in dispute.voters.items()} == {
        "yes": ["recorded:a"],
        "no": ["recorded:b"],
        "maybe": ["recorded:c"],
    }
    assert dispute.tally() == "1 yes, 1 no, 1 maybe"


def dispute(image_id: str, label: int, *yes: str) -> Dispute:
    return Dispute(ImageId(image_id), ClassIdx(label), ("tie",), {"yes": [AnnotatorId(one) for one in yes]})


def plan(workspace: Workspace, *items: Dispute, own: tuple[str, ...] = (), show_votes: bool = False, limit: int = 0):
    settings = ReviewSettings(limit=limit)
    own_ids = {AnnotatorId(one) for one in own}
    return plan_decisions(ReviewRound(workspace, "decide", 1, 1), settings, items, EVE, own_ids, show_votes)


def test_a_curator_is_asked_once_about_each_image_and_never_about_own_votes(workspace: Workspace) -> None:
    items = [dispute("i01", 1, "ls:7"), dispute("i00", 0, "ls:8"), dispute("i01", 2, "ls:8")]
    first = plan(workspace, *items, own=("ls:7",))
    assert {q.image_ids[0]: set(q.class_idxs) for q in first.questions} == {"i00": {0}, "i01": {2}}
    assert {q.annotator for q in first.questions} == {EVE} and not first.tallies
    register_tasks(workspace, [Task("decide", 1, q, 3, n, 1) for n, q in enumerate(first.questions)])
    assert not plan(workspace, *items, own=("ls:7",)).questions
    (again,) = plan(workspace, *items).questions
    assert again.image_ids == ("i01",) and again.class_idxs == (1,)
    assert again.key not in {q.key for q in first.questions}


def test_a_limit_counts_images_whether_they_are_asked_about_already_or_not(workspace: Workspace) -> None:
    items = [dispute("i00", 0), dispute("i01", 1), dispute("i02", 2)]
    first = plan(workspace, *items, limit=2)
    assert [q.image_ids[0] for q in first.questions] == ["i00", "i01"]
    register_tasks(workspace, [Task("decide", 1, q, 3, n, 1) for n, q in enumerate(first.questions)])
    assert not plan(workspace, *items, limit=2).questions


def test_votes_are_shown_only_if_the_curator_wants_them(workspace: Workspace) -> None:
    texts = {ClassIdx(n): LabelText(f"class {n}", "a kind") for n in range(5)}
    item = dispute("i00", 0, "ls:7")
    for show_votes in (True, False):
        planned = plan(workspace, item, show_votes=show_votes)
        (question,) = planned.questions
        data = decide_data(question, texts, lambda image_id: "/x.jpg", tallies=planned.tallies)
        assert ("1 yes, 0 no" in str(data)) is show_votes
        assert [option["alias"] for option in data["candidates"]] == [option["alias"] for option in data["rejections"]]
