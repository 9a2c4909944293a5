"""Flows on a real Prefect server: toy steps for the scheduling, real ones for the bytes."""

from __future__ import annotations

import re
import time
from collections.abc import Collection
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from reground.flows import steps
from reground.flows.artifacts import artifact_key, evaluation_markdown, review_markdown, slug, step_markdown
from reground.flows.cli.main import main
from reground.flows.contact_sheet import contact_sheet
from reground.flows.registry import FLOWS, find_flow, run_under_prefect
from reground.flows.run import listen
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.workspace import Output, Workspace
from tests.support.curation import STEPS, content, curate_here, curate_settings
from tests.support.prefect_api import ask
from tests.support.ray_cluster import ended_ray
from tests.support.toy import IMAGES, PER_SHARD, toys
from tests.support.world import World, make_world

SHARDS = IMAGES // PER_SHARD


def last_run(api_url: str, flow: str) -> dict[str, Any]:
    return ask(api_url, "flow_runs", flows={"name": {"any_": [flow]}}, sort="START_TIME_DESC", limit=1)[0]


def settled_tasks(api_url: str, run: dict[str, Any], names: Collection[str]) -> dict[str, str]:
    """Name -> state of a run's tasks, once the server has recorded the end of those in ``names``."""
    while True:
        task_runs = ask(api_url, "task_runs", flow_runs={"id": {"any_": [run["id"]]}})
        states = {task["name"]: task["state_name"] for task in task_runs}
        if set(names) <= states.keys() and not {"Running", "Pending"} & set(states.values()):
            return states
        time.sleep(0.2)


@pytest.mark.slow
def test_pipeline(prefect_api: str, workspace_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    listen()
    with toys():
        run_under_prefect(prefect_api, "run", workspace=workspace_url, runner="threads:2")
    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("masks: ")] == [
        f"masks: {IMAGES}",
        f"masks: {SHARDS} of {SHARDS} shards made",
    ]
    run = last_run(prefect_api, "run")
    assert (run["state_name"], run["state"]["message"]) == ("Completed", "no images wait for votes")
    assert Workspace(workspace_url).read("masks").shape[0] == IMAGES - SHARDS
    expected = {f"{step} {n}/{SHARDS}" for step in ("index", "masks") for n in range(1, SHARDS + 1)}
    expected.add("variants 1/1")
    assert settled_tasks(prefect_api, run, expected) == dict.fromkeys(expected, "Completed")
    shown = ask(prefect_api, "artifacts", flow_runs={"id": {"any_": [run["id"]]}})
    by_key = {artifact["key"]: artifact["data"] for artifact in shown if artifact["type"] == "markdown"}
    name = slug(Workspace(workspace_url))
    assert by_key.keys() == {f"{name}-{step}" for step in STEPS}
    assert f"| mask_too_small | {SHARDS} |" in by_key[f"{name}-masks"]
    assert by_key[f"{name}-variants"].startswith("![toy_0000, toy_0001")
    progress = [artifact["data"] for artifact in shown if artifact["type"] == "progress"]
    assert progress == [100.0] * len(steps.RUN)
    logged = [line["message"] for line in ask(prefect_api, "logs", logs={"flow_run_id": {"any_": [run["id"]]}})]
    assert f"masks: {SHARDS} of {SHARDS} shards made" in logged


@pytest.mark.slow
def test_a_settings_file_and_an_option_of_one_step_both_reach_the_flow(
    prefect_api: str, world: World, workspace_url: str, tmp_path: Path
) -> None:
    config = tmp_path / "reground.toml"
    config.write_text("[index]\nshard_size = 2\nmax_pixels = 1\n")
    index = ["index", str(world.images), "-w", workspace_url, "--max-pixels", "1000000"]
    assert main([*index, "--config", str(config), "--prefect", prefect_api]) == 0
    rows = [part.rows for _, part in Workspace(workspace_url).parts("images")]
    assert max(rows) == 2 and sum(rows) == len(world.labels)


@pytest.mark.slow
def test_first_error_stops_and_the_rest_is_made_later(
    prefect_api: str, workspace_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = [], []
    with (
        toys(fail_at="00004", seconds=0.3, calls=first),
        pytest.raises(RegroundError, match=r"^shard 00004 cannot be read$"),
    ):
        run_under_prefect(prefect_api, "curate", workspace=workspace_url, runner="threads:1")
    run = last_run(prefect_api, "curate")
    assert run["state_name"] == "Failed" and "shard 00004 cannot be read" in run["state"]["message"]
    assert settled_tasks(prefect_api, run, [f"masks 2/{SHARDS}"])[f"masks 2/{SHARDS}"] == "Failed"
    workspace = Workspace(workspace_url)
    done = {entry.shard for entry in workspace.entries("masks")}
    assert "00000" in done and "00004" not in done and len(first) < SHARDS
    with toys(calls=second):
        run_under_prefect(prefect_api, "masks", workspace=workspace_url)
    assert sorted(second) == sorted({entry.shard for entry in workspace.entries("masks")} - done)
    assert last_run(prefect_api, "masks")["state_name"] == "Completed"


@pytest.mark.slow
def test_a_flow_locks_the_workspace(prefect_api: str, workspace_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from reground.flows import scheduled

    holders = []

    def look(workspace: Workspace, step: str, seconds: float) -> None:
        with pytest.raises(RegroundError) as busy, workspace.lock("somebody else", wait=False):
            pass
        holders.append(str(busy.value))

    monkeypatch.setattr(scheduled, "create_step_artifact", look)
    with toys():
        run_under_prefect(prefect_api, "index", workspace=workspace_url)
    assert len(holders) == 1 and "`reground index`" in holders[0]
    with Workspace(workspace_url).lock("afterwards", wait=False):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["threads:2", "processes:2", "ray"])
def test_same_bytes_with_and_without_prefect(prefect_api: str, tmp_path: Path, runner: str) -> None:
    world = make_world(tmp_path / "world", per_class=1)
    here = curate_here(world, tmp_path / "here", "threads:1", STEPS[:2])
    there = {"workspace": str(tmp_path / "there"), "settings": curate_settings(world)}
    run_under_prefect(prefect_api, "index", **there, runner="threads:1")
    with ended_ray() if runner == "ray" else nullcontext():
        run_under_prefect(prefect_api, "masks", **there, runner=runner)
    assert content(tmp_path / "there") == here


@pytest.mark.slow
def test_collect_before_anybody_was_asked(prefect_api: str, workspace_url: str) -> None:
    run_under_prefect(prefect_api, "collect", workspace=workspace_url)
    run = last_run(prefect_api, "collect")
    assert run["state_name"] == "Completed" and run["state"]["message"].startswith("no questions yet")


@pytest.mark.slow
def test_wrong_use(prefect_api: str, workspace_url: str, tmp_path: Path) -> None:
    for parameters, expected in (
        ({"settings": {"masks": {"colour": "blue"}}}, "masks"),
        ({"runner": "dask"}, "unknown runner 'dask'"),
        ({"workspace": ""}, "expected a folder or the URL of an object store, got an empty text"),
    ):
        with pytest.raises(UsageError, match=expected):
            run_under_prefect(prefect_api, "masks", **{"workspace": workspace_url, **parameters})
    with pytest.raises(RegroundError, match="expected the table 'truth'"):
        run_under_prefect(prefect_api, "export", workspace=workspace_url, format="real", out=str(tmp_path / "out"))


def test_no_server() -> None:
    with pytest.raises(RegroundError, match=r"expected a Prefect server at http://127\.0\.0\.1:9/api"):
        run_under_prefect("http://127.0.0.1:9/api", "curate", workspace="w")


def test_every_flow_is_found_under_its_name() -> None:
    for name in [*FLOWS, *steps.MODULES]:
        assert find_flow(name).name == name
    with pytest.raises(UsageError, match="unknown flow 'clean': expected one of: adversarial, audit, bootstrap"):
        find_flow("clean")


def test_artifacts_of_an_empty_workspace(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    assert contact_sheet(workspace) == evaluation_markdown(workspace) == ""
    assert review_markdown([]) == "No questions yet."
    assert review_markdown([{"question": "contains", "open": 3}]).splitlines()[::2] == [
        "| question | open |",
        "| contains | 3 |",
    ]
    assert "| table |" not in step_markdown(workspace, "masks", 1.0)
    key = artifact_key(Workspace("memory://bucket/My Set!"), "export-real")
    assert re.fullmatch("my-set-[0-9a-f]{10}-export-real", key)
    assert key == artifact_key(Workspace("memory://bucket/My Set!/"), "export-real")
    assert key != artifact_key(Workspace("memory://other/My Set!"), "export-real")


def test_evaluation_is_one_row_a_metric_and_one_column_a_model(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    same = {"set": "photographs", "metric": "top1_original", "recipe": "r", "truth_version": "", "truth": "original"}
    for model, n, source in (("a", 20, ""), ("b", 19, "recorded")):
        measured = {"value": 0.5, "low": 0.25, "high": 0.75, "n": n, "subset": "all", "sources": source}
        in_group = {**measured, "subset": "dog"}
        nothing = {**measured, "subset": "reviewed", "value": float("nan"), "n": 0}
        rows = [{**same, "model": model, **row} for row in (measured, in_group, nothing)]
        rows.append({**rows[0], "set": "mixed_rand", "metric": "group_accuracy"})
        workspace.commit("evaluate", model, "0" * 32, Output({"evaluation": rows}))
    lines = evaluation_markdown(workspace).splitlines()
    assert lines[0] == "| set | metric | subset | truth | n | a | b |"
    assert lines[2] == "| photographs | top1_original | all | original | 19 " + 2 * "| 50.0% (25.0% to 75.0%) " + "|"
    assert lines[-1] == "Votes behind the reviewed rows: recorded."
    assert lines[3].startswith("| mixed_rand | group_accuracy | all | original | 19 |") and len(lines) == 6
