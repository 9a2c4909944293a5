"""Control images in a grid: where they come from, and that nothing tells them from questions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from reground.annotations.rounds import (
    RoundPlan,
    delete_unused_controls,
    read_controls,
)
from reground.annotations.rounds.controls import write_controls
from reground.annotations.rounds.task_data import LabelText, contains_data
from reground.tasks.errors import UsageError
from reground.tasks.schema import ClassIdx
from reground.tasks.workspace import Workspace
from tests.support.questions import sent
from tests.support.rounds_world import create_tasks, import_gold, pairs, plan, settled
from tests.support.tables import candidate, put


def test_a_grid_has_controls_whose_answer_is_known(workspace: Workspace) -> None:
    settled(workspace)
    put(workspace, "candidates", [candidate(f"i{n:02d}", 0) for n in range(6, 12)])
    made = plan(workspace, grid=8)
    asked = [
        i for q in made.questions for i in q.image_ids if i not in {r["image_id"] for r in made.controls[q.subject]}
    ]
    assert sorted(asked) == [f"i{n:02d}" for n in range(6, 12)]  # each once, beside the controls
    for question in made.questions:
        rows = made.controls[question.subject]
        assert Counter(row["answer"] for row in rows) == {"yes": 2, "no": 2}
        assert {row["image_id"] for row in rows} <= set(question.image_ids) and len(question.image_ids) <= 8
        assert {row["image_id"] for row in rows if row["answer"] == "yes"} == {"i00", "i03"}
        assert {row["image_id"] for row in rows if row["answer"] == "no"} <= {"i01", "i02", "i04", "i05"}
    assert made == plan(workspace, grid=8) != plan(workspace, grid=8, seed=1)


def test_nothing_in_a_tasks_data_tells_a_control(workspace: Workspace) -> None:
    settled(workspace)
    put(workspace, "candidates", [candidate(f"i{n:02d}", 0) for n in range(6, 12)])
    made = plan(workspace, grid=10)
    (question,) = map(sent, made.questions)
    labels = {ClassIdx(0): LabelText("thing", "")}
    data = contains_data(question, labels, lambda image_id: f"/{image_id}.jpg")
    assert len(made.controls[question.subject]) == 4 and len(data["images"]) == 10
    shapes = {tuple(sorted(set(option) - {"hotkey"})) for option in data["images"]}
    assert shapes == {("html", "value")} and "control" not in str(data)
    first = {plan(workspace, grid=10, seed=seed).questions[0].image_ids[0] for seed in range(8)}
    assert first & {f"i{n:02d}" for n in range(6)} and first & {f"i{n:02d}" for n in range(6, 12)}


def test_an_image_that_is_really_asked_about_is_no_control(workspace: Workspace) -> None:
    settled(workspace)
    made = plan(workspace)  # every candidate of every image, the settled ones too
    asked = {(i, c) for i, c in pairs(workspace)}
    for question in made.questions:
        label = int(question.class_idxs[0])
        assert all((row["image_id"], label) not in asked for row in made.controls[question.subject])


def test_without_gold_and_truth_a_grid_is_full_of_questions(workspace: Workspace) -> None:
    made = plan(workspace, grid=5)
    assert {len(q.image_ids) for q in made.questions} == {4} and not any(made.controls.values())


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"grid": 0}, r"review.grid: expected a whole number, at least 1, got 0"),
        ({"overlap": 0}, r"review.overlap: expected a whole number, at least 1"),
        ({"limit": -1}, r"review.limit: expected a whole number, at least 0"),
        ({"batch_size": 0}, "review.batch_size"),
        ({"positive_controls": -1}, "review.positive_controls"),
        ({"url": "ftp://localhost"}, "review.url: expected an address .* got 'ftp://localhost'"),
        ({"annotators": ("ann@lab.org", "bob")}, "review.annotators: expected an e-mail address .* got 'bob'"),
        ({"selection": "everything"}, "review.selection: expected one of: candidates, several, predictions"),
        ({"grid": 4}, "room for questions beside 4 control images .* a grid of 4"),
    ],
)
def test_settings_out_of_range_are_refused(workspace: Workspace, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        plan(workspace, "contains", **settings)


def test_gold_makes_controls_before_anybody_voted(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, "candidates", [candidate("i05", 0)])
    import_gold(workspace, tmp_path, "i00,class 0,yes", "i03,0,yes", "i01,n00000000,no")
    (question,) = plan(workspace).questions
    assert sorted(question.image_ids) == ["i00", "i01", "i03", "i05"]


def test_a_killed_push_resumes_beside_its_controls(workspace: Workspace) -> None:
    settled(workspace)
    put(workspace, "candidates", [candidate(f"i{n:02d}", 0) for n in range(6, 12)])
    whole = plan(workspace, grid=7)
    create_tasks(workspace, RoundPlan(whole.questions[:1], whole.controls), "contains", 2)
    rest = plan(workspace, grid=7)
    known = read_controls(workspace)
    asked = [i for q in (whole.questions[0],) for i in q.image_ids if i not in known[q.subject]]
    asked += [
        i for q in rest.questions for i in q.image_ids if i not in {r["image_id"] for r in rest.controls[q.subject]}
    ]
    assert sorted(asked) == [f"i{n:02d}" for n in range(6, 12)]
    create_tasks(workspace, rest, "contains", 2, 100)
    assert plan(workspace, grid=7).questions == []


def test_controls_of_batches_that_never_went_out_are_forgotten(workspace: Workspace) -> None:
    rows = [{"key": key, "image_id": "i00", "class_idx": 0, "answer": "yes"} for key in ("out", "never")]
    for row in rows:
        write_controls(workspace, [row])
    delete_unused_controls(workspace, {"out"})
    assert read_controls(workspace) == {"out": {"i00": "yes"}}
