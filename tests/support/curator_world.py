"""A round at a real Label Studio with annotators and a curator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from reground.annotations.label_studio import BrowserSession
from reground.annotations.review import (
    ReviewSettings,
    pull_votes,
    push_questions,
)
from reground.annotations.rounds import Task, classify_result, decide_result, read_tasks
from reground.tasks.schema import ClassIdx
from tests.support.label_studio_world import LabelStudio

DOG, EAGLE = "imagenet_16_251", "imagenet_17_22"
CANDIDATES = {DOG: (251, 246), EAGLE: (22, 21)}


class Review:
    """A classify round of two images, and its people: ann and bob annotate, eve is a curator."""

    def __init__(self, label_studio: LabelStudio, folder: Path, **settings: Any) -> None:
        self.server = label_studio
        self.addresses = {name: f"{name}-{folder.name}@x.local".lower() for name in ("ann", "bob", "eve")}
        self.people = {name: label_studio.annotator(address) for name, address in self.addresses.items()}
        self.workspace = label_studio.workspace(folder / "w", CANDIDATES)
        self.settings: ReviewSettings = replace(label_studio.settings(), **settings)
        push_questions(self.workspace, self.settings, "classify")

    def task(self, image_id: str, kind: str = "classify", annotator: str = "") -> Task:
        tasks = [task for task in read_tasks(self.workspace) if task.kind == kind]
        return next(
            task
            for task in tasks
            if task.question.image_ids == (image_id,) and task.question.annotator in (annotator, self.addresses["eve"])
        )

    def answer(self, name: str, image_id: str, *labels: int) -> int:
        return self.people[name].submit(self.task(image_id).task_id, ticks(*labels), 3.0)

    def decide(self, name: str, image_id: str, valid: int, comment: str = "") -> int:
        task = self.task(image_id, "decide")
        rest = [label for label in task.question.class_idxs if label != valid]
        return self.people[name].submit(task.task_id, decide_result([ClassIdx(valid)], rest, comment), 3.0)

    def edit(self, name: str, answer: int, result: list[dict[str, Any]]) -> None:
        response = self.people[name]._http.patch(f"/api/annotations/{answer}/", json={"result": result})
        assert response.status_code == 200

    def pull(self) -> Any:
        return pull_votes(self.workspace, self.settings)

    def ids(self) -> dict[str, str]:
        users = self.workspace.read_arrow("users").to_pylist()
        ids = {row["address"]: f"label-studio:{row['user_id']}" for row in users}
        return {name: ids[address] for name, address in self.addresses.items()}

    def decisions(self) -> dict[tuple[str, int], tuple[str, str]]:
        names = {annotator_id: name for name, annotator_id in self.ids().items()}
        rows = self.workspace.read_arrow("decisions").to_pylist()
        return {(row["image_id"], row["class_idx"]): (row["answer"], names[row["annotator_id"]]) for row in rows}

    def reasons(self) -> list[str]:
        return sorted(self.workspace.read_arrow("dropped")["reason"].to_pylist())


def ticks(*labels: int) -> list[dict[str, Any]]:
    return classify_result([ClassIdx(label) for label in labels], ClassIdx(labels[0]) if labels else None, "1")


def tie(review: Review) -> None:
    """Ann and bob contradict each other on both labels of the dog."""
    review.answer("ann", DOG, 251)
    review.answer("bob", DOG, 246)
    review.pull()


def skip(person: BrowserSession, task_id: int) -> None:
    response = person._http.post(f"/api/tasks/{task_id}/annotations/", json={"result": [], "was_cancelled": True})
    assert response.status_code == 201
