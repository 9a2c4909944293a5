"""A status of a large workspace in an object store: the manifest answers, whatever the number of shards."""

from __future__ import annotations

import json

import pytest

from reground.flows import steps
from reground.flows.cli.main import main
from reground.flows.settings import remember, resolve
from reground.tasks.workspace import Workspace, todo
from tests.support.bucket import Bucket
from tests.support.large_workspace import fill
from tests.support.store_requests import count_requests

MAX_REQUESTS = 30


def ask(workspace: str, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, dict[str, object]], list[str]]:
    """What ``status`` says of each step, and the requests that it made."""
    with count_requests() as requests:
        assert main(["status", "-w", workspace, "--json"]) == 0
    return json.loads(capsys.readouterr().out)["steps"], requests


@pytest.mark.parametrize("complete", [("index", "masks", "variants"), ()])
def test_the_requests_do_not_grow_with_the_entries(
    bucket: Bucket, complete: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    counts = []
    for entries in (100, 2_000):
        workspace = f"{bucket.url}/{entries}"
        fill(Workspace(workspace), entries, complete)
        _, requests = ask(workspace, capsys)
        counts.append(len(requests))
    assert counts[0] == counts[1] <= MAX_REQUESTS


@pytest.mark.parametrize("step", ["masks", "variants", "predict", "candidates", "truth", "needs_vote", "evaluate"])
def test_the_requests_of_a_plan_do_not_grow_with_the_entries(bucket: Bucket, step: str) -> None:
    counts = []
    for entries in (100, 2_000):
        workspace = Workspace(f"{bucket.url}/{entries}")
        fill(workspace, entries)
        settings = resolve(workspace, {"masks": {"method": "grabcut"}}).settings.of(step)
        with count_requests() as requests:
            todo(steps.find(step), workspace.snapshot(), settings)
        counts.append(len(requests))
    assert counts[0] == counts[1] <= MAX_REQUESTS


def test_what_is_complete_is_known_without_planning(bucket: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = Workspace(f"{bucket.url}/w")
    shards = fill(workspace, 500)
    steps, _ = ask(workspace.url, capsys)
    whole = {"done": shards + 1, "shards": shards + 1, "missing": 0}
    assert steps["variants"] == {**whole, "is_as_of_last_run": False}
    assert steps["index"] == {**whole, "is_as_of_last_run": True}
    assert main(["status", "-w", workspace.url]) == 0
    shown = capsys.readouterr().out
    assert f"index       {shards + 1} of {shards + 1} shards done, as of its last run" in shown
    assert f"dropped in index: {shards} unreadable" in shown


@pytest.mark.parametrize("step", ["masks", "variants"])
def test_a_shard_that_is_taken_off_or_replaced_ends_completeness(
    bucket: Bucket, step: str, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace(f"{bucket.url}/w")
    shards = fill(workspace, 500)
    workspace.discard(step, "00000000")
    steps, _ = ask(workspace.url, capsys)
    made = shards - 1 + (step == "variants")
    assert (steps[step]["done"], steps[step]["shards"], steps[step]["missing"]) == (made, None, None)
    assert main(["status", "-w", workspace.url]) == 0
    assert f"{step:<11} {made} shards made; `reground {step}` finds out what is missing" in capsys.readouterr().out


def test_new_masks_make_variants_incomplete(bucket: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = Workspace(f"{bucket.url}/w")
    fill(workspace, 500)
    workspace.discard("masks", "00000001")
    steps, _ = ask(workspace.url, capsys)
    assert steps["variants"]["missing"] is None


def test_other_settings_make_a_step_incomplete(bucket: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = Workspace(f"{bucket.url}/w")
    fill(workspace, 500)
    remember(workspace, {"variants": {"size": 64}})
    steps, _ = ask(workspace.url, capsys)
    assert steps["variants"]["missing"] is None
