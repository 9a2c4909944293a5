"""Which pairs a round asks about, by each strategy."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.annotations.rounds import (
    Question,
    ReviewSettings,
    Task,
    measure_pace,
    total_seconds,
)
from reground.annotations.rounds.selection import STRATEGIES
from reground.annotations.rounds.task_registry import register_tasks
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.schema import ClassIdx, ImageId
from reground.tasks.workspace import Workspace, fields
from tests.support.rounds_world import create_tasks, pairs, plan, truth
from tests.support.tables import candidate, image, prediction, put, put_truth, vote


def test_every_strategy_can_be_chosen() -> None:
    choices = next(field.choices for field in fields(ReviewSettings) if field.name == "selection")
    assert set(choices) == {"", *STRATEGIES}


def test_an_unknown_way_of_asking_names_all(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match=r"'everything': expected one of: candidates, needs_vote, predictions, sev"):
        pairs(workspace, ask="everything")


def test_a_way_without_its_table_says_what_makes_it(tmp_path: Path) -> None:
    empty = Workspace(tmp_path / "e")
    for ask, command in [
        ("candidates", "candidates"),
        ("several", "truth"),
        ("predictions", "predict"),
        ("needs_vote", "needs_vote"),
        ("suspects", "suspects"),
    ]:
        with pytest.raises(RegroundError, match=f"reground {command} "):
            pairs(empty, ask=ask)


def test_candidates_of_images_at_hand_and_no_more_than_the_limit(workspace: Workspace) -> None:
    put(workspace, "candidates", [candidate("i00", 0), candidate("i00", 1), candidate("i01", 1), candidate("gone", 1)])
    assert pairs(workspace) == [("i00", 0), ("i00", 1), ("i01", 1)]
    assert pairs(workspace, limit=1) == [("i00", 0)]
    assert pairs(workspace, "classify", limit=1) == [("i00", 0), ("i00", 1)]  # images, whole


def test_classify_goes_on_where_contains_found_several(workspace: Workspace) -> None:
    assert len(pairs(workspace, "classify")) == 24  # nobody has answered CONTAINS yet: every candidate
    selected = {0: 4, 1: 2, 2: 1, 3: 4, 4: 0}
    put(
        workspace,
        "votes",
        [
            vote("i00", label, f"p{person}", "yes" if person < count else "no", "contains")
            for label, count in selected.items()
            for person in range(5)
        ],
    )
    put_truth(workspace, [truth("i00", {0: 0.8, 1: 0.4, 3: 0.8}, "several"), truth("i01", {1: 1.0})])
    assert sorted(pairs(workspace, "classify")) == [("i00", 0), ("i00", 1), ("i00", 3)]  # 2: under half of 4
    assert pairs(workspace, "classify", "several") == [("i00", 0), ("i00", 3), ("i00", 1)]
    assert len(pairs(workspace, "contains")) == 24


def test_several_without_votes_at_hand_shows_what_was_judged(workspace: Workspace) -> None:
    put_truth(workspace, [truth("i00", {0: 1.0, 4: 0.1}, "several")])
    assert pairs(workspace, ask="several") == [("i00", 0), ("i00", 4)]


def test_predictions_nobody_was_asked_about(workspace: Workspace) -> None:
    put(workspace, "predictions/one", [prediction("i00", [0, 4]), prediction("i01", [4, 0]), prediction("i02", [-1])])
    put(workspace, "predictions/two", [prediction("i01", [4]), prediction("i02", [3]), prediction("i03", [2], "no_fg")])
    put(workspace, "votes", [vote("i00", 0, "ann")])
    put_truth(workspace, [truth("i01", {1: 1.0})])
    assert pairs(workspace, ask="predictions") == [("i01", 4), ("i02", 3)]
    # In one round the answer stays the same while answers come in; what is out elsewhere is left out.
    put(workspace, "votes", [vote("i01", 4, "ann", round=2)])
    assert ("i01", 4) in pairs(workspace, ask="predictions")
    register_tasks(workspace, [Task("contains", 1, Question("k", (ImageId("i02"),), (ClassIdx(3),)), 1, 1)])
    assert pairs(workspace, ask="predictions") == [("i00", 0), ("i01", 4)]
    # CLASSIFY needs the known labels beside it, to choose the main one from.
    assert pairs(workspace, "classify", "predictions") == [("i00", 0), ("i01", 4), ("i01", 1)]


def test_needs_vote_asks_the_worthiest_first(workspace: Workspace) -> None:
    rows = [("i05", 2, 0.9), ("i01", 1, 0.5), ("i05", 1, 0.4)]
    put(
        workspace,
        "needs_vote",
        [
            {"rank": n + 1, "image_id": i, "class_idx": c, "gain": g, "probability": 0.5, "votes": 1}
            for n, (i, c, g) in enumerate(rows)
        ],
    )
    assert pairs(workspace, ask="needs_vote", limit=2) == [("i05", 2), ("i01", 1)]
    assert pairs(workspace, "classify", "needs_vote", limit=1) == [("i05", 2), ("i05", 1)]


# One question for each pair


def diverse(workspace: Workspace) -> None:
    """Label 0 on ten images, 1 and 2 on one each; i10 and i11 are copies of i00 and have label 0 too."""
    images = [{**image(f"i{n:02d}", 0), "sha256": f"{n % 10:064x}"} for n in range(12)]
    put(workspace, "images", images)
    rare = [candidate("i00", 1), candidate("i05", 2)]
    put(workspace, "candidates", [*(candidate(f"i{n:02d}", 0) for n in range(12)), *rare])


def test_a_label_with_few_images_goes_to_classify_and_no_pair_is_asked_twice(workspace: Workspace) -> None:
    diverse(workspace)
    contains = plan(workspace, min_grid=10)
    asked = [(i, q.class_idxs[0]) for q in contains.questions for i in q.image_ids]
    assert sorted(asked) == [(f"i{n:02d}", 0) for n in range(12)] and contains.num_left == 2
    assert plan(workspace, min_grid=11).questions == [] and plan(workspace, min_grid=11).num_left == 14  # copies
    create_tasks(workspace, contains, "contains", 2)
    # i00 and i05 wait for the answers about label 0: one question with all their labels
    assert plan(workspace, "classify", min_grid=10).questions == []
    put_truth(workspace, [truth("i00", {0: 1.0}), truth("i05", {0: 0.0}, labels=[])])
    (first, second) = plan(workspace, "classify", min_grid=10).questions
    assert (first.image_ids, sorted(first.class_idxs)) == (("i00",), [0, 1])
    assert (second.image_ids, second.class_idxs) == (("i05",), (2,))
    create_tasks(workspace, plan(workspace, "classify", min_grid=10), "classify", 2, 100)
    assert plan(workspace, "classify", min_grid=10).questions == plan(workspace, min_grid=10).questions == []


def test_an_original_label_too_rare_for_a_grid_is_asked_once_the_grids_are_answered(workspace: Workspace) -> None:
    """The usual case of a diverse set: models name frequent labels, and few images share an original one."""
    put(workspace, "images", [{**image(f"i{n:02d}", n + 2), "sha256": f"{n:064x}"} for n in range(12)])
    frequent = [candidate(f"i{n:02d}", label) for n in range(12) for label in (0, 1)]
    put(workspace, "candidates", [*frequent, *(candidate(f"i{n:02d}", n + 2) for n in range(12))])
    create_tasks(workspace, plan(workspace, min_grid=10), "contains", 2)
    assert plan(workspace, min_grid=10).num_left == 12 and plan(workspace, "classify", min_grid=10).questions == []
    votes = [
        vote(f"i{n:02d}", label, person, "yes" if (n, label) == (3, 1) else "no", "contains")
        for n in range(4)
        for label in ((0,) if n == 2 else (0, 1))
        for person in "pq"
    ]
    put(workspace, "votes", votes)
    judged = {"i00": [0, 1], "i01": [0, 1], "i02": [0], "i03": [0, 1], "i04": []}
    pending = {"state": "in_review", "outcome": None, "labels": None, "routing": "unreviewed"}
    rows = [
        truth(image_id, dict.fromkeys(labels, 0.0), original=n + 2, **pending)
        for n, (image_id, labels) in enumerate(judged.items())
    ]
    put_truth(workspace, rows)
    questions = plan(workspace, "classify", min_grid=10).questions
    assert {q.image_ids[0]: sorted(q.class_idxs) for q in questions} == {
        "i00": [2],
        "i01": [3],
        "i03": [1, 5],  # with the label that a grid found
    }  # of i02 and i04 a grid is still open
    put(workspace, "gold", [{"image_id": "i02", "class_idx": 1, "answer": "no", "source": "g"}])
    assert len(plan(workspace, "classify", min_grid=10, gold_rate=0.0).questions) == 4  # a known answer is no vote


def test_a_diverse_set_gets_no_pages_of_one_photograph(workspace: Workspace) -> None:
    put(workspace, "candidates", [candidate(f"i{n:02d}", (n + k) % 5) for n in range(12) for k in (0, 1)])
    assert plan(workspace, min_grid=8).questions == [] and plan(workspace, min_grid=8).num_left == 24
    questions = plan(workspace, "classify", min_grid=8).questions
    assert len(questions) == 12 and all(len(q.class_idxs) == 2 for q in questions)


def test_images_whose_labels_are_all_rare_are_asked_at_once(workspace: Workspace) -> None:
    diverse(workspace)
    put(workspace, "candidates", [*(candidate(f"i{n:02d}", 0) for n in range(10)), candidate("i11", 3)])
    create_tasks(workspace, plan(workspace, min_grid=10), "contains", 2)
    (question,) = plan(workspace, "classify", min_grid=10).questions
    assert (question.image_ids, question.class_idxs) == (("i11",), (3,))


def test_pages_are_about_equally_long(workspace: Workspace) -> None:
    diverse(workspace)
    sizes = [len(q.image_ids) for q in plan(workspace, min_grid=8, grid=11).questions if q.class_idxs == (0,)]
    assert sizes == [6, 6]


def test_the_pace_is_that_of_the_answers_here_once_there_are_enough(workspace: Workspace) -> None:
    settings = ReviewSettings(seconds_per_image=2.0)
    question = Question("contains:1:0:0", (ImageId("i00"), ImageId("i01")), (ClassIdx(0),))
    pace = measure_pace(workspace, "contains", settings)
    assert (pace.seconds, pace.source) == (2.0, "the setting review.seconds_per_image")
    assert total_seconds([question] * 3, 5, pace) == 2 * 2.0 * 3 * 5
    assert measure_pace(workspace, "classify", settings).source == "the setting review.seconds_per_label"
    answers = [f"label-studio:5:{n}" for n in range(20)]
    put(workspace, "votes", [vote("i00", 0, a, "yes", "contains", seconds=12.0, answer_id=a) for a in answers])
    row = {"annotator_id": "label-studio:1", "question": "contains", "ticked": [], "options": 4, "at": "2026"}
    put(workspace, "submissions", [{**row, "answer_id": a} for a in answers])
    pace = measure_pace(workspace, "contains", settings)
    assert (pace.seconds, pace.source) == (3.0, "the median of 20 answers here")
