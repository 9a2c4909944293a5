"""The pinned Prefect works: the server starts, a scheduled run happens, workspaces do not meet."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from reground.flows.artifacts import slug
from reground.flows.registry import FLOWS
from reground.flows.run.prefect import QUIET
from reground.flows.run.prefect_server import HOST, prefect_server, stop_group
from reground.flows.serve import deploy
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.workspace import Workspace
from tests.support.prefect_api import ask
from tests.support.waiting import HANG

pytestmark = pytest.mark.slow


def test_server_says_where_it_is(prefect_api: str) -> None:
    assert httpx.get(f"{prefect_api}/health").json() is True
    assert httpx.get(prefect_api.replace("/api", "/ui-settings")).json()["api_url"] == prefect_api
    allowed = {"Origin": "http://elsewhere.example", "Access-Control-Request-Method": "POST"}
    elsewhere = httpx.options(f"{prefect_api}/flow_runs/", headers=allowed)
    assert "access-control-allow-origin" not in elsewhere.headers


def test_server_that_cannot_start(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        with pytest.raises(RegroundError, match=r"did not start: port \d+ .* is in use"):
            prefect_server(tmp_path, taken.getsockname()[1]).__enter__()
    assert not any(str(tmp_path) in child.environ().get("PREFECT_HOME", "") for child in psutil.Process().children())


def test_the_server_ends_with_its_parent_even_if_that_is_killed(tmp_path: Path) -> None:
    code = f"""
import pathlib, time
from reground.flows.run import prefect_server
with prefect_server(pathlib.Path({str(tmp_path)!r})) as url:
    print(url, flush=True)
    time.sleep({HANG})
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout is not None and parent.stdout.readline().startswith(b"http")
    (server,) = psutil.Process(parent.pid).children()
    parent.kill()
    parent.wait()
    server.wait(HANG)


def test_a_scheduled_run_happens(prefect_api: str, workspace_url: str, tmp_path: Path) -> None:
    code = f"from reground.flows.serve import serve; serve({prefect_api!r}, {workspace_url!r}, 5, '0 3 * * *')"
    with (tmp_path / "serve.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        run = wait_for_scheduled(prefect_api, server)
        served = {d["name"]: d for d in ask(prefect_api, "deployments")}
        server.send_signal(signal.SIGTERM)
        assert server.wait(HANG) == 0
    finally:
        stop_group(server)
    assert "Warning" not in (tmp_path / "serve.log").read_text()
    assert run["auto_scheduled"] and run["state"]["message"].startswith("no questions yet")
    name = slug(Workspace(workspace_url))
    assert served.keys() == {f"{flow}-{name}" for flow in FLOWS}
    schedules = {name: d["schedules"][0]["schedule"] for name, d in served.items() if d["schedules"]}
    assert schedules.keys() == {f"collect-{name}", f"audit-{name}"}
    assert schedules[f"collect-{name}"]["interval"] == 5
    assert schedules[f"audit-{name}"]["cron"] == "0 3 * * *"
    assert all(d["paused"] for d in ask(prefect_api, "deployments"))


def wait_for_scheduled(api_url: str, server: subprocess.Popen[bytes]) -> dict[str, Any]:
    while server.poll() is None:
        done = ask(api_url, "flow_runs", flow_runs={"state": {"name": {"any_": ["Completed"]}}}, sort="START_TIME_DESC")
        scheduled = [run for run in done if run["auto_scheduled"]]
        if scheduled:
            return scheduled[0]
        time.sleep(1)
    raise AssertionError("the process that schedules has ended, and no run has happened")


def make_pool(api_url: str, name: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "prefect", "work-pool", "create", name, "--type", "process"],
        env={**os.environ, **QUIET, "PREFECT_API_URL": api_url},
        check=True,
        capture_output=True,
    )


def test_flows_of_two_workspaces_of_one_name_stay_apart(prefect_api: str, tmp_path: Path) -> None:
    make_pool(prefect_api, "reground")
    addresses = [str(tmp_path / "a" / "set"), str(tmp_path / "b" / "set")]
    names = [deploy(prefect_api, address, "reground", 600, "0 3 * * *") for address in addresses]
    assert deploy(prefect_api, addresses[0] + "/", "reground", 600, "0 3 * * *") == names[0]
    stored = [d for d in ask(prefect_api, "deployments") if d["work_pool_name"] == "reground"]
    made = {d["name"]: d for d in stored}
    for address, full_names in zip(addresses, names, strict=True):
        own = dict(zip(FLOWS, (made[name.split("/")[1]] for name in full_names), strict=True))
        assert all(d["parameters"] == {"workspace": address} for d in own.values())
        collect, audit = own["collect"], own["audit"]
        assert collect["schedules"][0]["schedule"]["interval"] == 600
        assert audit["schedules"][0]["schedule"]["cron"] == "0 3 * * *"
        assert collect["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert len(made) == 2 * len(FLOWS)


def test_a_deployment_of_another_workspace_is_not_taken_over(
    prefect_api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    monkeypatch.setattr("reground.flows.artifacts.slug", lambda workspace: "clash")
    with pytest.raises(UsageError, match=r"expected a work pool of .*got 'none-such'"):
        deploy(prefect_api, first, "none-such", 600, "0 3 * * *")
    make_pool(prefect_api, "clash")
    deploy(prefect_api, first, "clash", 600, "0 3 * * *")
    with pytest.raises(UsageError, match=f"is for the workspace {first}, not for {second}: delete it"):
        deploy(prefect_api, second, "clash", 600, "0 3 * * *")
    taken = [d for d in ask(prefect_api, "deployments") if d["name"].endswith("-clash")]
    assert len(taken) == len(FLOWS) and all(d["parameters"] == {"workspace": first} for d in taken)


def test_server_refuses_foreign_host_names(prefect_api: str) -> None:
    page = prefect_api.removesuffix("/api")
    for url in (f"{prefect_api}/health", page):
        for host in ("attacker.example", "attacker.example:4200", "127.0.0.1.attacker.example"):
            assert httpx.get(url, headers={"Host": host}).status_code == 400
        assert httpx.get(url, headers={"Host": "localhost"}).status_code < 400
