"""People who leave the organization of a real Label Studio keep their votes, each under their own id."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reground.annotations.review import pull_votes, push_questions, review_status
from reground.annotations.rounds import classify_result, read_tasks
from reground.tasks.workspace import Workspace
from tests.support.label_studio_world import LabelStudio

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.support.label_studio_fixture"]

IMAGE = {"imagenet_06_609": (609, 817, 246)}


def answer_all(label_studio: LabelStudio, workspace: Workspace, emails: list[str]) -> None:
    """Each of them says that the original label holds, to every question they are asked."""
    for email in emails:
        with label_studio.annotator(email) as person:
            for task in read_tasks(workspace):
                if task.question.annotator in ("", email):
                    person.submit(task.task_id, classify_result([609], 609, "1"), 5.0)  # type: ignore[list-item,arg-type]


def remove_from_organization(label_studio: LabelStudio, emails: list[str]) -> None:
    with label_studio.client() as client:
        for user in client.users():
            if user.email in emails:
                path = f"{client.url}/api/organizations/1/memberships/{user.id}/"
                assert client._http.delete(path, headers=client._headers()).status_code == 204
        assert not {user.email for user in client.users()} & set(emails)


@pytest.mark.parametrize("blind", [False, True])
def test_two_of_three_leave_and_all_votes_stay_as_they_were(label_studio: LabelStudio, tmp_path: Path, blind: bool):
    emails = [f"{name}-{tmp_path.name}@reground.local".lower() for name in ("ann", "bob", "two")]
    for email in emails:
        label_studio.annotator(email).__exit__()
    workspace = label_studio.workspace(tmp_path / "w", IMAGE)
    settings = replace(label_studio.settings(blind=blind, annotators=tuple(emails)), overlap=3)
    push_questions(workspace, settings, "classify")
    answer_all(label_studio, workspace, emails)
    summary = pull_votes(workspace, settings)
    assert (summary.answers, summary.votes, summary.annotators, summary.dropped) == (3, 9, 3, 0)
    before = {name: workspace.read_arrow(name).to_pylist() for name in ("votes", "annotators", "submissions")}
    assert {row["address"] for row in before["annotators"]} == set(emails)

    remove_from_organization(label_studio, emails[1:])
    assert pull_votes(workspace, settings) == summary
    workspace.retire("collect", ())
    assert pull_votes(workspace, settings) == summary
    assert {name: workspace.read_arrow(name).to_pylist() for name in before} == before
    (row,) = review_status(workspace, settings).progress
    assert (row["done"], row["answers"], row["annotators"]) == (1, 3, 3)
    assert push_questions(workspace, settings, "classify").new == 0


def test_who_left_before_the_first_pull_is_told_apart_too(label_studio: LabelStudio, tmp_path: Path):
    emails = [f"{name}-{tmp_path.name}@reground.local".lower() for name in ("ann", "bob")]
    workspace, settings = label_studio.workspace(tmp_path / "w", IMAGE), label_studio.settings()
    push_questions(workspace, settings, "classify")
    answer_all(label_studio, workspace, emails)
    remove_from_organization(label_studio, emails)
    summary = pull_votes(workspace, settings)
    assert (summary.answers, summary.annotators, summary.dropped) == (2, 2, 0)
    assert workspace.read("annotators")["address"].isna().all()
