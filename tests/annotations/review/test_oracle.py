"""Votes and decisions after a turbulent round are those that Label Studio's own export says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reground.annotations.review import push_disputes, push_questions, review_status, status_text
from reground.annotations.rounds import read_tasks
from reground.tasks.errors import RegroundError
from tests.support.curator_world import DOG, EAGLE, Review, skip, ticks, tie
from tests.support.label_studio_world import LabelStudio, files_of, on_server

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.support.label_studio_fixture"]

Answers = dict[tuple[str, str, int], str]
"""Person, image and label -> answer."""


def exported(review: Review) -> Answers:
    """The last answer of each person, from the JSON export, where nobody edits anybody else's."""
    names = {address: name for name, address in review.addresses.items()}
    answers: Answers = {}
    with review.server.client() as client:
        emails = {user.id: user.email for user in client.users()}
        for task in read_tasks(review.workspace):
            if task.kind != "classify":
                continue
            (image_id,) = task.question.image_ids
            path = f"/api/projects/{task.project_id}/export?exportType=JSON&download_all_tasks=true"
            (row,) = [row for row in client._request("GET", path, "export") if row["id"] == task.task_id]
            for annotation in sorted(row["annotations"], key=lambda one: (one["updated_at"], one["id"])):
                if annotation["was_cancelled"]:
                    continue
                ticked = {
                    c for item in annotation["result"] if item["from_name"] == "valid" for c in item["value"]["choices"]
                }
                person = names[str(emails[annotation["completed_by"]])]
                for label in task.question.class_idxs:
                    answers[person, image_id, label] = "yes" if str(label) in ticked else "no"
    return answers


def collected(review: Review) -> Answers:
    names = {annotator_id: name for name, annotator_id in review.ids().items()}
    rows = review.workspace.read("votes").to_dict("records")
    return {(names[row["annotator_id"]], row["image_id"], row["class_idx"]): row["answer"] for row in rows}


@pytest.fixture
def review(label_studio: LabelStudio, tmp_path: Path) -> Review:
    return Review(label_studio, tmp_path, overlap=3)


def test_changed_deleted_skipped_and_repeated_answers(review: Review) -> None:
    push_questions(review.workspace, review.settings, "classify")
    first = review.answer("ann", DOG, 251)
    second = review.answer("bob", DOG, 246)
    review.answer("ann", EAGLE, 22)
    skip(review.people["bob"], review.task(EAGLE).task_id)
    review.pull()
    assert collected(review) == exported(review)
    review.edit("ann", first, ticks(251, 246))
    assert review.people["bob"]._http.delete(f"/api/annotations/{second}/").status_code == 204
    review.answer("eve", EAGLE, 21)
    review.answer("eve", EAGLE, 21, 22)
    review.answer("bob", EAGLE)
    review.pull()
    assert collected(review) == exported(review)
    files = files_of(review.workspace)
    review.pull()
    assert files_of(review.workspace) == files


def test_an_unknown_choice_an_empty_answer_and_a_draft_are_no_votes(review: Review) -> None:
    task = review.task(DOG)
    review.people["ann"].submit(task.task_id, ticks(999), 3.0)
    review.people["bob"].submit(task.task_id, [], 3.0)
    response = review.people["eve"]._http.post(f"/api/tasks/{task.task_id}/drafts", json={"result": ticks(251)})
    assert response.status_code == 201
    summary = review.pull()
    assert collected(review) == {} and review.reasons() == ["answer_invalid"] * 2
    assert len(summary.refused) == 2
    text = status_text(review_status(review.workspace, review.settings))
    assert review.addresses["ann"] in text and review.addresses["bob"] in text


def test_nobody_disagrees(review: Review) -> None:
    for name in ("ann", "bob"):
        review.answer(name, DOG, 251)
    review.pull()
    before = on_server(review.server, review.workspace)
    pushed = push_disputes(review.workspace, review.settings, review.addresses["eve"])
    assert (pushed.disputed, pushed.new) == (0, 0) and on_server(review.server, review.workspace) == before


def test_a_decision_that_is_withdrawn_reopens_the_dispute_and_later_votes_do_not(review: Review) -> None:
    tie(review)
    push_disputes(review.workspace, review.settings, review.addresses["eve"])
    decision = review.decide("eve", DOG, 251)
    review.pull()
    review.answer("eve", DOG, 246)
    review.pull()
    assert review.decisions() == {(DOG, 251): ("yes", "eve"), (DOG, 246): ("no", "eve")}
    assert not review_status(review.workspace, review.settings).findings.disputes
    assert review.people["eve"]._http.delete(f"/api/annotations/{decision}/").status_code == 204
    review.pull()
    assert review.decisions() == {}
    assert len(review_status(review.workspace, review.settings).findings.disputes) == 2


def test_a_correction_of_ones_own_answer_is_a_vote(review: Review) -> None:
    review.settings = replace(review.settings, curators=(review.addresses["ann"],))
    answer = review.answer("ann", DOG, 251)
    review.pull()
    review.edit("ann", answer, ticks(246))
    review.pull()
    assert review.decisions() == {} and collected(review) == exported(review)


def test_correction_change_and_second_correction(review: Review) -> None:
    review.settings = replace(review.settings, curators=(review.addresses["eve"],))
    answer = review.answer("ann", DOG, 251)
    review.pull()
    for name, labels in (("eve", (251, 246)), ("ann", (246,)), ("eve", (251,))):
        review.edit(name, answer, ticks(*labels))
        review.pull()
    assert collected(review) == {("ann", DOG, 251): "no", ("ann", DOG, 246): "yes"}
    assert review.decisions() == {(DOG, 251): ("yes", "eve"), (DOG, 246): ("no", "eve")}
    files = files_of(review.workspace)
    review.pull()
    assert files_of(review.workspace) == files


def test_a_second_round_beside_one_that_is_half_answered(review: Review) -> None:
    review.answer("ann", DOG, 251)
    review.answer("ann", EAGLE, 22)
    second = replace(review.settings, round=2, selection="candidates")
    assert push_questions(review.workspace, second, "classify").new == 2
    review.answer("bob", DOG, 246)
    task = next(t for t in read_tasks(review.workspace) if t.round_number == 2 and t.question.image_ids == (DOG,))
    review.people["eve"].submit(task.task_id, ticks(246), 3.0)
    review.pull()
    rows = review.workspace.read("votes")
    assert sorted(rows["round"].tolist()) == [1] * 6 + [2] * 2
    assert push_questions(review.workspace, second, "classify").new == 0
    assert push_questions(review.workspace, review.settings, "classify").new == 0


def test_a_project_deleted_by_hand_costs_no_vote(review: Review) -> None:
    review.answer("ann", DOG, 251)
    review.pull()
    files = files_of(review.workspace)
    project_id = review.task(DOG).project_id
    with review.server.client() as client:
        client._sdk.projects.delete(project_id)
    with pytest.raises(RegroundError, match=f"show project {project_id}"):
        review.pull()
    with pytest.raises(RegroundError, match=f"show project {project_id}"):
        push_questions(review.workspace, review.settings, "classify")
    assert files_of(review.workspace) == files


def test_projects_and_tasks_name_no_image_no_person_and_no_token(review: Review) -> None:
    tie(review)
    push_disputes(review.workspace, review.settings, review.addresses["eve"], show_votes=True)
    contents: list[Any] = []
    with review.server.client() as client:
        for task in read_tasks(review.workspace):
            contents.append(client._request("GET", f"/api/projects/{task.project_id}/", "show"))
            contents.append([data for _, data in client.list_tasks(task.project_id)])
    text, token = str(contents), review.server.server.credentials.token
    for secret in (DOG, EAGLE, review.addresses["ann"], review.addresses["bob"], token):
        assert secret not in text, secret
