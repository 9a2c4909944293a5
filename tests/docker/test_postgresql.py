"""The services of the compose file, on PostgreSQL: flows run by a worker, questions, answers, a burst of task runs."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from reground.annotations.label_studio import BrowserSession, Client, sign_up
from reground.annotations.review import DOCUMENT_ROOT
from reground.annotations.rounds import IMAGE_FOLDER, classify_result, read_tasks
from reground.flows.artifacts import slug
from reground.tasks.workspace import Workspace
from tests.support.compose import Compose
from tests.support.label_studio_world import CANDIDATES, PASSWORD, fill, photographs
from tests.support.needs import need_label_studio, need_postgresql
from tests.support.prefect_api import ask
from tests.support.waiting import HANG, wait_until

pytestmark = pytest.mark.slow

TASK_RUNS = 1000
BURST = f"""
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ThreadPoolTaskRunner

@task(cache_policy=NO_CACHE)
def nothing(number):
    return number

@flow(name="burst", task_runner=ThreadPoolTaskRunner(max_workers=4))
def burst():
    return sorted(nothing.map(range({TASK_RUNS})).result())

assert burst() == list(range({TASK_RUNS}))
"""
FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    need_postgresql()
    need_label_studio()
    folder = tmp_path_factory.mktemp("compose")
    compose = Compose(folder, folder / "set")
    (compose.workspace / DOCUMENT_ROOT / IMAGE_FOLDER).mkdir(parents=True)
    fill(Workspace(compose.workspace), CANDIDATES, photographs())
    with contextlib.ExitStack() as services:
        services.enter_context(compose.postgres())
        waiting = {name: services.enter_context(compose.start(name)) for name in ("label-studio", "prefect")}
        compose.wait_until_healthy("prefect", waiting["prefect"])
        compose.run("deploy")
        waiting["worker"] = services.enter_context(compose.start("worker"))
        for name, process in waiting.items():
            compose.wait_until_healthy(name, process)
        yield compose


def run_deployed(compose: Compose, flow: str, **parameters: Any) -> str:
    """Let the worker run a flow; returns the message of its final state."""
    api = f"http://127.0.0.1:{compose.ports['prefect']}/api"
    name = f"{flow}/{flow}-{slug(Workspace(compose.workspace))}"
    deployment = httpx.get(f"{api}/deployments/name/{name}", timeout=HANG).raise_for_status().json()["id"]
    made = httpx.post(f"{api}/deployments/{deployment}/create_flow_run", json={"parameters": parameters}, timeout=HANG)
    run = made.raise_for_status().json()["id"]

    def state() -> dict[str, Any]:
        return httpx.get(f"{api}/flow_runs/{run}", timeout=HANG).raise_for_status().json()["state"]

    wait_until(lambda: state()["type"] in FINAL, pause=0.2)
    assert state()["type"] == "COMPLETED", [line["message"] for line in ask(api, "logs")]
    return state()["message"]


def test_questions_are_pushed_answered_and_collected(compose: Compose) -> None:
    workspace = Workspace(compose.workspace)
    review = {"overlap": 1, "min_grid": 99, "selection": "candidates"}
    message = run_deployed(compose, "review-push", questions=["classify"], settings={"review": review})
    tasks = read_tasks(workspace)
    assert sorted(task.question.image_ids[0] for task in tasks) == sorted(CANDIDATES)
    assert str(len(CANDIDATES)) in message
    url = f"http://127.0.0.1:{compose.ports['label-studio']}"
    with Client(url, compose.secrets["label_studio_token"].read_text()) as owner:
        sign_up(owner, "ann@reground.local", PASSWORD)
    with BrowserSession(url, "ann@reground.local", PASSWORD) as ann:
        for task in tasks:
            label = CANDIDATES[task.question.image_ids[0]][0]
            ann.submit(task.task_id, classify_result([label], label, "1"), 8.0)  # type: ignore[list-item,arg-type]
    votes = sum(len(labels) for labels in CANDIDATES.values())
    assert run_deployed(compose, "collect") == f"{len(CANDIDATES)} answers of 1 annotator: {votes} votes"
    stored = workspace.read("votes")
    yes = stored[stored["answer"] == "yes"]
    assert len(stored) == votes
    assert dict(zip(yes["image_id"], yes["class_idx"])) == {image: labels[0] for image, labels in CANDIDATES.items()}


def test_no_task_run_of_a_burst_is_lost(compose: Compose) -> None:
    api = f"http://127.0.0.1:{compose.ports['prefect']}/api"
    # Inside the worker's container, as a flow run would be.
    compose.run("worker", sys.executable, "-c", BURST)
    flow = {"flows": {"name": {"any_": ["burst"]}}}

    def count(**task_runs: Any) -> int:
        counted = httpx.post(f"{api}/task_runs/count", json={**flow, "task_runs": task_runs}, timeout=HANG)
        return counted.raise_for_status().json()

    wait_until(lambda: count(state={"type": {"any_": list(FINAL)}}) == TASK_RUNS, pause=0.5)
    assert count(state={"type": {"any_": ["COMPLETED"]}}) == count() == TASK_RUNS
    assert [run["state_type"] for run in ask(api, "flow_runs", **flow)] == ["COMPLETED"]
