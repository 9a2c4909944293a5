"""Label Studio killed and started again many times, in a push and while people answer: nothing is lost."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from PIL import Image

from reground.annotations.collect.sync import STEP
from reground.annotations.label_studio import BrowserSession, UnavailableError
from reground.annotations.review import ReviewSettings, pull_votes, push_questions
from reground.annotations.rounds import ReviewRound, classify_result, create_project, read_tasks
from reground.tasks.schema import ClassIdx
from reground.tasks.workspace import Workspace
from tests.support.label_studio_world import LabelStudio, fill
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]
"""Seventy seconds where nothing else runs: Label Studio takes three to start."""
pytest_plugins = ["tests.support.label_studio_fixture"]

BATCH = 4
PEOPLE = ("ann@reground.local", "bob@reground.local", "eve@reground.local")


@dataclass
class Crowd:
    """People who answer one question after another, each in a thread, whether Label Studio is there or not.

    ``taken`` are the answers that Label Studio said it had taken: (task, annotation).
    """

    taken: list[tuple[int, int]] = field(default_factory=list)
    refused: list[BaseException] = field(default_factory=list)
    enough: threading.Event = field(default_factory=threading.Event)

    def answer(self, person: BrowserSession, project_id: int) -> None:
        while not self.enough.wait(0.02):
            try:
                found = person.next_task(project_id)
                if found is not None:
                    label = ClassIdx(int(found[1]["candidates"][0]["alias"]))
                    result = classify_result([label], label, "1")
                    self.taken.append((found[0], person.submit(found[0], result, 1.0)))
            except UnavailableError:
                self.enough.wait(0.2)
            except BaseException as error:
                self.refused.append(error)
                return


@contextlib.contextmanager
def crowd(label_studio: LabelStudio, project_id: int) -> Iterator[Crowd]:
    made = Crowd()
    people = [label_studio.annotator(email) for email in PEOPLE]
    threads = [threading.Thread(target=made.answer, args=(person, project_id)) for person in people]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        made.enough.set()
        for thread in threads:
            thread.join()


def wait_for_more(count: Callable[[], int], more: int, going: Callable[[], bool]) -> None:
    """Until there are so many more, or nothing goes on."""
    goal = count() + more
    wait_until(lambda: count() >= goal or not going(), pause=0.002)


def kill_and_start(label_studio: LabelStudio) -> None:
    label_studio.kill()
    label_studio.stop()
    label_studio.start()


def many_questions(label_studio: LabelStudio, folder: Path, count: int) -> Workspace:
    workspace = label_studio.workspace(folder)
    picture = folder / "picture.jpg"
    Image.new("RGB", (64, 48), (90, 120, 60)).save(picture)
    ids = [f"image_{number:04d}" for number in range(count)]
    fill(workspace, dict.fromkeys(ids, (609,)), dict.fromkeys(ids, picture))
    return workspace


def open_round(label_studio: LabelStudio, workspace: Workspace, settings: ReviewSettings) -> int:
    review_round = ReviewRound(workspace, "classify", 1, settings.overlap)
    with label_studio.client() as client:
        return create_project(client, review_round, "").id


def pull_until_it_works(workspace: Workspace, settings: ReviewSettings) -> None:
    while True:
        try:
            pull_votes(workspace, settings)
            return
        except UnavailableError:
            time.sleep(0.2)


@pytest.mark.parametrize(
    ("kills", "kills_of_push", "questions"), [(6, 4, 120), pytest.param(20, 14, 400, marks=pytest.mark.long)]
)
def test_killed_again_and_again_it_asks_once_and_keeps_every_answer(
    label_studio: LabelStudio, tmp_path: Path, kills: int, kills_of_push: int, questions: int
) -> None:
    """Args:
    kills: of Label Studio.
    kills_of_push: at most so many of them while the push goes on.
    questions: asked.
    """
    draw = random.Random(20)
    workspace = many_questions(label_studio, tmp_path / "w", questions)
    settings = replace(label_studio.settings(batch_size=BATCH, retry_timeout=3600.0, examples=0), overlap=len(PEOPLE))
    project_id = open_round(label_studio, workspace, settings)
    failed: list[BaseException] = []

    def push() -> None:
        try:
            push_questions(workspace, settings, "classify")
        except BaseException as error:
            failed.append(error)

    pushing = threading.Thread(target=push)
    with crowd(label_studio, project_id) as people:
        pushing.start()
        in_the_push = 0
        while pushing.is_alive() and in_the_push < kills_of_push:
            wait_for_more(lambda: len(workspace.parts("questions")), draw.randrange(1, 8), pushing.is_alive)
            time.sleep(draw.uniform(0.0, 0.3))
            kill_and_start(label_studio)
            in_the_push += pushing.is_alive()
        pushing.join()
        assert failed == []
        for _ in range(kills - in_the_push):
            wait_for_more(lambda: len(people.taken), draw.randrange(1, 20), lambda: not people.refused)
            kill_and_start(label_studio)
            pull_until_it_works(workspace, settings)
        wait_until(lambda: len(people.taken) > 50 or people.refused)
    assert failed == [] and people.refused == []
    assert in_the_push >= 3, "the push was over before it was hit: ask more questions"

    pull_votes(workspace, settings)
    with label_studio.client() as client:
        there = Counter(str(data["key"]) for _, data in client.list_tasks(project_id))
    assert set(there.values()) == {1} and len(there) == questions
    assert sorted(task.question.task_key for task in read_tasks(workspace)) == sorted(there)
    votes = workspace.read("votes")
    held = {f"label-studio:{project_id}:{answer}" for _, answer in people.taken}
    assert held - set(votes["answer_id"]) == set()
    assert not votes.duplicated(["image_id", "class_idx", "annotator_id"]).any()
    again = full_pull(workspace, settings)
    assert again == votes.to_dict("records")


def full_pull(workspace: Workspace, settings: ReviewSettings) -> list[dict[str, object]]:
    """The votes, with everything fetched anew; the same bytes as fetched bit by bit."""
    before = workspace.table_digest("votes")
    workspace.retire(STEP, ())
    pull_votes(workspace, settings)
    assert workspace.table_digest("votes") == before
    return workspace.read("votes").to_dict("records")  # type: ignore[return-value]
