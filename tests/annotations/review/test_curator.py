"""A curator at a real Label Studio: disputes, corrections and skips, and pulls that are cut off."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest

from reground.annotations.review import (
    pull_votes,
    push_disputes,
    push_questions,
    review_status,
    status_text,
)
from reground.annotations.rounds import decide_result, read_tasks
from reground.tasks.errors import UsageError
from reground.tasks.schema import ClassIdx
from reground.tasks.storage import folder
from reground.tasks.workspace import Workspace
from tests.support.curator_world import DOG, EAGLE, Review, skip, ticks, tie
from tests.support.label_studio_world import LabelStudio, files_of, on_server

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.support.label_studio_fixture"]


@pytest.fixture
def review(label_studio: LabelStudio, tmp_path: Path) -> Iterator[Review]:
    made = Review(label_studio, tmp_path)
    yield made
    for person in made.people.values():
        person.__exit__()


def test_a_tie_is_put_to_a_curator_who_decides_it(review: Review) -> None:
    tie(review)
    before = on_server(review.server, review.workspace)
    with pytest.raises(UsageError, match=rf"got 'who@x.local'\. There are: .*{review.addresses['ann']}.*review invite"):
        push_disputes(review.workspace, review.settings, "who@x.local")
    assert on_server(review.server, review.workspace) == before
    own = push_disputes(review.workspace, review.settings, review.addresses["ann"])
    assert (own.disputed, own.own, own.new) == (2, 2, 0)  # nobody decides a dispute of their own
    pushed = push_disputes(review.workspace, review.settings, review.addresses["eve"].upper())
    assert (pushed.disputed, pushed.own, pushed.new, pushed.total) == (2, 0, 1, 1)
    assert push_disputes(review.workspace, review.settings, review.addresses["eve"]).new == 0
    text = status_text(review_status(review.workspace, review.settings))
    task = review.task(DOG)
    assert f"/projects/{task.project_id}/data?task={task.task_id}" in text
    assert "tie; yes: " in " ".join(text.split())  # lines are wrapped where addresses are long

    review.decide("bob", DOG, 246)
    answer = review.decide("eve", DOG, 251, "the face of a Dalmatian")
    votes = review.workspace.read("votes")
    summary = review.pull()
    assert summary.decisions == 2 and review.reasons() == ["answer_uninvited"]
    assert review.decisions() == {(DOG, 251): ("yes", "eve"), (DOG, 246): ("no", "eve")}
    for row in review.workspace.read_arrow("decisions").to_pylist():
        assert (row["yes_votes"], row["no_votes"], row["comment"]) == (1, 1, "the face of a Dalmatian")
        assert row["link"].endswith(f"&annotation={answer}") and row["key"] == review.task(DOG, "decide").question.key
    assert review.workspace.read("votes").equals(votes)
    assert not review_status(review.workspace, review.settings).findings.disputes
    files = files_of(review.workspace)
    review.pull()
    assert files_of(review.workspace) == files


def test_a_correction_is_a_decision_and_any_other_edit_is_set_aside(review: Review) -> None:
    dog, eagle = review.answer("ann", DOG, 251), review.answer("ann", EAGLE, 22)
    review.settings = replace(review.settings, curators=(review.addresses["eve"],))
    review.pull()
    votes = review.workspace.read("votes")
    review.edit("eve", dog, ticks(251, 246))
    review.edit("bob", eagle, ticks())
    review.pull()
    assert review.decisions() == {(DOG, 246): ("yes", "eve")}
    assert review.workspace.read("votes").equals(votes) and review.reasons() == ["answer_tampered"]
    (row,) = review.workspace.read_arrow("decisions").to_pylist()
    assert (row["yes_votes"], row["no_votes"]) == (0, 1) and row["link"].endswith(f"&annotation={dog}")
    files = files_of(review.workspace)
    review.pull()
    assert files_of(review.workspace) == files
    review.edit("ann", dog, ticks(251))  # the decision stays, whatever the annotator does next
    review.pull()
    assert review.decisions() == {(DOG, 246): ("yes", "eve")}
    assert review.workspace.read("votes").drop(columns=["at"]).equals(votes.drop(columns=["at"]))


def test_of_two_curators_the_later_one_stands(review: Review) -> None:
    tie(review)
    push_disputes(review.workspace, review.settings, review.addresses["eve"])
    review.settings = replace(review.settings, curators=(review.addresses["bob"],))
    answer = review.decide("eve", DOG, 251)
    review.pull()
    review.edit("bob", answer, decide_result((), [ClassIdx(251), ClassIdx(246)]))
    review.pull()
    assert review.decisions() == {(DOG, 251): ("no", "bob"), (DOG, 246): ("no", "eve")}
    assert review.reasons() == ["decision_overruled"]
    (refusal,) = review_status(review.workspace, review.settings).findings.refusals
    assert refusal["reason"] == "decision_overruled" and refusal["person"] == review.addresses["eve"]


class Killed(BaseException):
    """The process ends here."""


def test_a_pull_that_is_cut_off_anywhere_ends_as_one_that_is_not(
    review: Review, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tie(review)
    push_disputes(review.workspace, review.settings, review.addresses["eve"])
    review.settings = replace(review.settings, curators=(review.addresses["eve"],))
    review.edit("eve", review.answer("ann", EAGLE, 22), ticks(22, 21))
    review.decide("eve", DOG, 251)
    before = Path(review.workspace.url)
    create, cuts = folder._create, 0
    shutil.copytree(before, whole := tmp_path / "whole", symlinks=True)
    pull_votes(Workspace(whole), review.settings)
    expected = {path.removeprefix(str(whole)): sha for path, sha in files_of(Workspace(whole)).items()}
    for limit in range(100):
        shutil.copytree(before, copy := tmp_path / f"cut-{limit}", symlinks=True)
        left = limit

        def create_or_die(path: Path, private: bool) -> IO[bytes]:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            return create(path, private)

        monkeypatch.setattr(folder, "_create", create_or_die)
        try:
            pull_votes(Workspace(copy), review.settings)
        except Killed:
            cuts += 1
        monkeypatch.setattr(folder, "_create", create)
        pull_votes(Workspace(copy), review.settings)
        Workspace(copy).sweep()
        assert {path.removeprefix(str(copy)): sha for path, sha in files_of(Workspace(copy)).items()} == expected
        if left:
            break
    assert cuts > 5


def test_skips_are_counted_and_another_person_is_asked(label_studio: LabelStudio, tmp_path: Path) -> None:
    review = Review(label_studio, tmp_path)
    task = review.task(EAGLE)
    for name in ("ann", "bob"):
        skip(review.people[name], task.task_id)
    review.answer("ann", DOG, 251)
    review.pull()
    assert len(review.workspace.read("skips")) == 2
    findings = review_status(review.workspace, review.settings).findings
    (row,) = findings.skips
    assert row["by_all"] and row["key"] == task.question.subject and len(row["people"]) == 2
    assert {one["person"]: one["skips"] for one in findings.people} == {
        review.addresses["ann"]: 1,
        review.addresses["bob"]: 1,
    }
    review.answer("eve", DOG, 251)
    assert review.people["eve"].next_task(task.project_id)[0] == task.task_id  # type: ignore[index]
    review.answer("ann", EAGLE, 22)
    (row,) = review_status(review.workspace, review.settings).findings.skips
    assert not row["by_all"] and row["people"] == [review.addresses["bob"]]


def test_in_a_blind_round_a_skipped_question_goes_to_somebody_else(label_studio: LabelStudio, tmp_path: Path) -> None:
    names = [f"{name}-{tmp_path.name}@x.local".lower() for name in ("ann", "bob", "eve")]
    review = Review(label_studio, tmp_path, blind=True, overlap=1, annotators=tuple(names))
    task = next(task for task in read_tasks(review.workspace) if task.question.image_ids == (DOG,))
    asked = next(name for name, address in review.addresses.items() if address == task.question.annotator)
    skip(review.people[asked], task.task_id)
    assert review_status(review.workspace, review.settings).findings.skips[0]["by_all"]
    review.pull()
    assert push_questions(review.workspace, review.settings, "classify").new == 1
    second = read_tasks(review.workspace)[-1]
    assert second.question.subject == task.question.subject and second.question.annotator != task.question.annotator
    other = next(name for name, address in review.addresses.items() if address == second.question.annotator)
    review.people[other].submit(second.task_id, ticks(251), 3.0)
    (row,) = review_status(review.workspace, review.settings).progress
    assert (row["tasks"], row["done"], row["answers"]) == (2, 1, 1)
