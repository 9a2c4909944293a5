"""Pull from a real Label Studio: answers become votes, and none is lost."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from reground.annotations.review import QUESTIONS, ReviewSettings, pull_votes, push_questions, review_status
from reground.annotations.rounds import classify_result, contains_result, read_tasks
from reground.tasks.errors import RegroundError
from reground.tasks.workspace import Workspace
from tests.support.label_studio_world import (
    CANDIDATES,
    PAIRS,
    LabelStudio,
    files_of,
    in_ledger,
    task_ids,
)

pytestmark = pytest.mark.slow


pytest_plugins = ["tests.support.label_studio_fixture"]


def answer_everything(label_studio: LabelStudio, workspace: Workspace, email: str) -> None:
    """Ticks the original label wherever it is shown, and counts one object."""
    with label_studio.annotator(email) as person:
        for task in read_tasks(workspace):
            right = [i for i in task.question.image_ids if CANDIDATES[i][0] in task.question.class_idxs]
            if task.kind == "contains":
                person.submit(task.task_id, contains_result(task.question, right), 4.0)
            else:
                label = CANDIDATES[task.question.image_ids[0]][0]
                person.submit(task.task_id, classify_result([label], label, "1"), 8.0)  # type: ignore[list-item,arg-type]


def test_answers_become_votes_and_stay_the_same_bytes(label_studio: LabelStudio, tmp_path: Path):
    workspace = label_studio.workspace(tmp_path / "w")
    settings = label_studio.settings(recorded_annotators=("rec@reground.local",), batch_size=5, selection="candidates")
    for question in QUESTIONS:
        push_questions(workspace, settings, question)
    answer_everything(label_studio, workspace, "ann@reground.local")
    answer_everything(label_studio, workspace, "rec@reground.local")
    tasks = len(in_ledger(workspace))
    pulled = pull_votes(workspace, settings)
    assert (pulled.answers, pulled.votes, pulled.annotators, pulled.dropped) == (2 * tasks, 4 * len(PAIRS), 2, 0)
    votes = workspace.read("votes")
    assert set(votes["source"]) == {"label-studio", "recorded"}
    people = workspace.read("annotators").set_index("address")["annotator_id"]
    assert set(people.index) == {"ann@reground.local", "rec@reground.local"}
    assert people["rec@reground.local"].startswith("recorded:") and set(votes["annotator_id"]) == set(people)
    yes = votes[votes["answer"] == "yes"]
    assert {(i, c) for i, c in zip(yes["image_id"], yes["class_idx"], strict=True)} == {
        (image_id, labels[0]) for image_id, labels in CANDIDATES.items()
    }
    single = votes[votes["question"] == "classify"]
    assert (single["main"] == (single["answer"] == "yes")).all() and (single["num_objects"] == 1).all()
    assert list(workspace.read("annotators")["agreement"]) == [1.0, 1.0]
    rows = {row["question"]: row for row in review_status(workspace, settings).progress}
    assert rows["classify"]["tasks"] == rows["classify"]["done"] == len(CANDIDATES)
    assert sum(row["tasks"] for row in rows.values()) == tasks and rows["contains"]["open"] == 0
    assert all(row["annotators"] == 2 for row in rows.values())
    before = files_of(workspace)
    pull_votes(workspace, settings)
    assert files_of(workspace) == before


def test_what_does_not_count_is_written_down(label_studio: LabelStudio, tmp_path: Path):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    push_questions(workspace, settings, "classify")
    ids = task_ids(workspace)
    eagle, dog = ids["classify:1:imagenet_17_22"], ids["classify:1:imagenet_16_251"]
    fine = classify_result([22], 22, "1")  # type: ignore[list-item,arg-type]
    with label_studio.annotator("ann@reground.local") as ann, label_studio.annotator("bob@reground.local") as bob:
        tampered = ann.submit(eagle, fine, 3.0)
        answer = bob._http.patch(f"/api/annotations/{tampered}/", json={"result": classify_result([], None, "")})
        assert answer.status_code == 200  # Label Studio itself lets him
        bob.submit(eagle, classify_result([22], 21, "1"), 3.0)  # type: ignore[list-item,arg-type]
        ann.submit(dog, classify_result([], None, ""), 3.0)
        ann.submit(dog, classify_result([251], 251, "1"), 3.0)  # type: ignore[list-item,arg-type]
        skipped = bob._http.post(f"/api/tasks/{dog}/annotations/", json={"result": [], "was_cancelled": True})
        assert skipped.status_code == 201
    pulled = pull_votes(workspace, settings)
    assert (pulled.answers, pulled.votes, pulled.dropped) == (1, len(CANDIDATES["imagenet_16_251"]), 3)
    dropped = workspace.read("dropped")
    assert sorted(dropped["reason"]) == ["answer_invalid", "answer_superseded", "answer_tampered"]
    (refused,) = pulled.refused
    assert "bob@reground.local: main label 21 is not among the valid ones (22)" in refused
    assert f"/data?task={eagle}&annotation=" in refused
    votes = workspace.read("votes")
    assert list(votes[votes["answer"] == "yes"]["class_idx"]) == [251]


def test_a_dead_server_is_named_and_votes_stay(label_studio: LabelStudio, tmp_path: Path):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    push_questions(workspace, settings, "classify")
    answer_everything(label_studio, workspace, "ann@reground.local")
    pull_votes(workspace, settings)
    before = files_of(workspace)
    with socket.socket() as taken:  # bound and not listening: refuses connections
        taken.bind(("127.0.0.1", 0))
        dead = ReviewSettings(url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        for act in (pull_votes, review_status):
            with pytest.raises(RegroundError, match=r"nobody listens there.*reground review serve"):
                act(workspace, dead)
    with pytest.raises(RegroundError, match="review serve -w"):
        pull_votes(workspace, ReviewSettings())
    with label_studio.client() as client:
        client._sdk.projects.delete(read_tasks(workspace)[0].project_id)
    with pytest.raises(RegroundError, match=r"show project \d+, it has no such project"):
        pull_votes(workspace, settings)
    with pytest.raises(RegroundError, match="no such project"):
        push_questions(workspace, settings, "classify")
    assert files_of(workspace) == before and len(workspace.read("votes"))


def test_tasks_deleted_in_label_studio_are_missed(label_studio: LabelStudio, tmp_path: Path):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    push_questions(workspace, settings, "classify")
    with label_studio.client() as client:
        client.delete_task(read_tasks(workspace)[0].task_id)
    summary = push_questions(workspace, settings, "classify")
    assert (summary.new, summary.deleted, summary.total) == (0, 1, len(CANDIDATES) - 1)


def test_a_deleted_task_is_missed_though_another_was_added(label_studio: LabelStudio, tmp_path: Path):
    """The number of tasks is the same."""
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    project_id = push_questions(workspace, settings, "classify").project_id
    answer_everything(label_studio, workspace, "ann@reground.local")
    pull_votes(workspace, settings)
    deleted, *_ = read_tasks(workspace)
    with label_studio.client() as client:
        _, data = next(client.list_tasks(project_id))
        client.delete_task(deleted.task_id)
        client.import_tasks(project_id, [{**data, "key": "of somebody else"}])
    assert push_questions(workspace, settings, "classify").deleted == 1
    assert pull_votes(workspace, settings).answers == len(CANDIDATES)
    (row,) = workspace.read("dropped").to_dict("records")
    assert (row["item"], row["reason"]) == (deleted.question.key, "task_deleted")
    summary = push_questions(workspace, settings, "classify")
    assert (summary.new, summary.deleted) == (0, 1)
