"""Push and pull against the bare calls of Label Studio's interface.

``python -m benchmarks.review [--tasks 10000] [--batch 500]`` starts a Label Studio of its own, with the
settings that `reground review serve` gives it, and puts as many CLASSIFY tasks of eight candidates
through one ``review.push`` as through import calls with the same tasks in batches of the same size, half
of these before and half after it, so that drift cancels. Pictures are made before, as making them is no
part of an import; ``pictures_s`` says how long that takes alone, and ``cold_s`` how long a push takes
that makes them while it imports.

Then as many tasks with an answer each are pulled by ``review.pull`` (votes, annotators and all), and
exported by the bare call before and after that. ``nothing_new_s`` is a pull after which nothing changed,
``few_new_s`` one after one task in a hundred was answered again, both as if the answers were older than
the minutes that a pull looks back.

``push_rate`` and ``pull_rate`` are bare seconds / ours: 1 is as fast as the bare calls.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from benchmarks.record import record
from reground.annotations.collect import delta, sync
from reground.annotations.label_studio import (
    TOKEN_VARIABLE,
    BrowserSession,
    Client,
    LabelStudioServer,
    run_server,
    sign_up,
)
from reground.annotations.review import DOCUMENT_ROOT, ReviewSettings, pull_votes, push_questions
from reground.annotations.rounds import (
    IMAGE_FOLDER,
    ReviewRound,
    TaskRenderer,
    classify_result,
    create_project,
    plan_round,
    read_secret,
    read_tasks,
    with_opaque_names,
    write_pending,
)
from reground.tasks.images import load_classes
from reground.tasks.schema import ClassIdx
from reground.tasks.votes import CLASSIFY, DEFAULT_POLICY
from reground.tasks.workspace import Output, Workspace

CANDIDATES = 8
FEW = 100
"""One task in so many is answered again."""
EMAIL, PASSWORD = "second@reground.local", "a-long-enough-passphrase"

Tasks = list[dict[str, Any]]


def serve_pictures(root: Path, folder: Path) -> None:
    """Make the pictures of a workspace those in the document root."""
    (folder / DOCUMENT_ROOT).mkdir(parents=True, exist_ok=True)
    documents = root / "documents"
    documents.unlink(missing_ok=True)
    documents.symlink_to(folder / DOCUMENT_ROOT)


@dataclass(frozen=True)
class Bench:
    """A Label Studio, with the bare calls of its interface."""

    server: LabelStudioServer
    http: httpx.Client
    root: Path
    batch: int

    def settings(self) -> ReviewSettings:
        documents = str(self.root / "documents")
        return ReviewSettings(url=self.server.url, document_root=documents, batch_size=self.batch, overlap=2)

    def client(self) -> Client:
        return Client(self.server.url, self.server.credentials.token)

    def workspace(self, name: str, count: int) -> Workspace:
        """So many images to ask about, all the same photograph under different names."""
        folder = self.root / name
        pictures = folder / DOCUMENT_ROOT / IMAGE_FOLDER
        pictures.mkdir(parents=True)
        serve_pictures(self.root, folder)
        workspace = Workspace(folder)
        ids = [f"{name}_{number:06d}" for number in range(count)]
        images = [image_row(image_id, str(self.root / "photograph.jpg")) for image_id in ids]
        pairs = [candidate(image_id, n, label) for n, image_id in enumerate(ids) for label in range(CANDIDATES)]
        tables = {"images": images, "classes": load_classes(), "candidates": pairs}
        workspace.commit("index", "0000", "key", Output(tables))
        return workspace

    def bare_import(self, project_id: int, batches: Sequence[Tasks]) -> float:
        """Seconds."""
        began = time.perf_counter()
        for batch in batches:
            answer = self.http.post(f"/api/projects/{project_id}/import?return_task_ids=true", json=batch)
            answer.raise_for_status()
        return time.perf_counter() - began

    def bare_export(self, project_id: int) -> float:
        """Seconds."""
        began = time.perf_counter()
        answer = self.http.get(f"/api/projects/{project_id}/export", params={"exportType": "JSON"})
        answer.raise_for_status()
        answer.json()
        return time.perf_counter() - began


@functools.cache
def digest_of(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def image_row(image_id: str, uri: str) -> dict[str, Any]:
    size = {"width": 500, "height": 375, "mode": "RGB"}
    known = {"image_id": image_id, "uri": uri, "class_idx": 0, "wnid": "", "sha256": digest_of(uri)}
    return {**known, **size, "boxes": [], "split": "val"}


def candidate(image_id: str, number: int, label: int) -> dict[str, Any]:
    class_idx = (number * 7 + label * 113) % 1000
    return {"image_id": image_id, "class_idx": class_idx, "reasons": ["original"], "score": 0.5}


def photograph(path: Path) -> None:
    """Smooth noise: it compresses as photographs do."""
    coarse = np.random.default_rng(0).integers(0, 256, (25, 33, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC).save(path, quality=90)


def tasks_of(workspace: Workspace, settings: ReviewSettings, pending: bool = False) -> Iterator[Tasks]:
    """What a push would import, batch by batch, and writes down before if ``pending``; makes the pictures."""
    review_round = ReviewRound(workspace, CLASSIFY, settings.round, settings.overlap)
    plan, renderer = plan_round(review_round, settings, DEFAULT_POLICY), TaskRenderer(workspace, CLASSIFY, settings)
    secret = read_secret(workspace)
    questions = [with_opaque_names(question, CLASSIFY, secret) for question in plan.questions]
    for start in range(0, len(questions), settings.batch_size):
        batch = questions[start : start + settings.batch_size]
        if pending:
            write_pending(workspace, CLASSIFY, settings.round, settings.overlap, batch)
        yield [{"data": task} for task in renderer.render(batch)]


def timed(act: Any, *arguments: Any) -> float:
    began = time.perf_counter()
    act(*arguments)
    return time.perf_counter() - began


def push(bench: Bench, count: int) -> dict[str, object]:
    """Half of the bare calls, ours, the other half."""
    settings = bench.settings()
    other, workspace = bench.workspace("bare", count), bench.workspace("push", count)  # pictures of the last are served
    pictures = timed(list, tasks_of(workspace, settings))
    batches = list(tasks_of(other, settings))
    with bench.client() as client:
        project = create_project(client, ReviewRound(other, CLASSIFY, 1, settings.overlap), "")
    middle = len(batches) // 2
    bare = bench.bare_import(project.id, batches[:middle])
    ours = timed(push_questions, workspace, settings, CLASSIFY)
    bare += bench.bare_import(project.id, batches[middle:])
    cold = timed(push_questions, bench.workspace("cold", count), settings, CLASSIFY)
    return {
        "push_s": ours,
        "import_s": bare,
        "push_rate": bare / ours,
        "tasks_a_second": count / ours,
        "pictures_s": pictures,
        "cold_s": cold,
    }


def answered(bench: Bench, name: str, count: int) -> tuple[Workspace, int]:
    """A workspace whose questions are out and have an answer each, and their project."""
    settings, workspace = bench.settings(), bench.workspace(name, count)
    with bench.client() as client:
        review_round = ReviewRound(workspace, CLASSIFY, 1, settings.overlap)
        project = create_project(client, review_round, "")
    for batch in tasks_of(workspace, settings, pending=True):
        bench.bare_import(project.id, [[{**task, "annotations": [annotation(task["data"])]} for task in batch]])
    push_questions(workspace, settings, CLASSIFY)  # finds them and writes them down
    return workspace, project.id


def annotation(data: dict[str, Any]) -> dict[str, Any]:
    label = ClassIdx(int(data["candidates"][0]["alias"]))
    return {"result": classify_result([label], label, "1"), "lead_time": 5.0}


def pull(bench: Bench, count: int) -> dict[str, object]:
    """The bare call, ours, the bare call again."""
    settings = bench.settings()
    workspace, project_id = answered(bench, "pull", count)
    before = bench.bare_export(project_id)
    ours = timed(pull_votes, workspace, settings)
    bare = (before + bench.bare_export(project_id)) / 2
    assert len(workspace.read("votes", ["image_id"])) == count * CANDIDATES
    delta.LOOK_BACK = timedelta()
    nothing_new = timed(pull_votes, workspace, settings)
    with bench.client() as client:
        sign_up(client, EMAIL, PASSWORD)
    with BrowserSession(bench.server.url, EMAIL, PASSWORD) as person:
        for task in read_tasks(workspace)[::FEW]:
            label = task.question.class_idxs[1]
            person.submit(task.task_id, classify_result([label], label, "1"), 5.0)
    few_new = timed(pull_votes, workspace, settings)
    votes = workspace.table_digest("votes")
    workspace.retire(sync.STEP, ())
    pull_votes(workspace, settings)
    assert workspace.table_digest("votes") == votes
    return {
        "pull_s": ours,
        "export_s": bare,
        "pull_rate": bare / ours,
        "nothing_new_s": nothing_new,
        "few_new_s": few_new,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=10_000, help="on each side")
    parser.add_argument("--batch", type=int, default=500, help="tasks in one import")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        photograph(root / "photograph.jpg")
        serve_pictures(root, root / "none")
        with run_server(root / "data", 0, root / "documents") as server:
            token = server.credentials.token
            os.environ[TOKEN_VARIABLE] = token
            headers = {"Authorization": f"Token {token}"}
            with httpx.Client(base_url=server.url, headers=headers, timeout=600, trust_env=False) as http:
                bench = Bench(server, http, root, told.batch)
                with bench.client() as client:  # imports the SDK, which takes longer than a small push
                    client.check()
                numbers = {"tasks": told.tasks, "batch": told.batch, **push(bench, told.tasks)}
                numbers |= pull(bench, told.tasks)
    record("review", numbers, ("label-studio-sdk", "httpx"))


if __name__ == "__main__":
    main()
