"""The pinned Prefect works: the server starts, a scheduled run happens, prefect.yaml deploys."""

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
import yaml

from reground.flows.registry import FLOWS
from reground.flows.run.prefect import QUIET
from reground.flows.run.prefect_server import HOST, prefect_server, stop_group
from reground.tasks.errors import RegroundError
from tests.support.needs import ROOT
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
        with pytest.raises(RegroundError, match=r"(?s)did not start.*server\.log.*in use"):
            prefect_server(tmp_path, taken.getsockname()[1]).__enter__()
    assert not any(str(tmp_path) in child.environ().get("PREFECT_HOME", "") for child in psutil.Process().children())


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
    assert run["auto_scheduled"] and run["state"]["message"].startswith("no questions yet")
    assert served.keys() == {f"{name}-workspace" for name in FLOWS}
    schedules = {name: d["schedules"][0]["schedule"] for name, d in served.items() if d["schedules"]}
    assert schedules.keys() == {"collect-workspace", "audit-workspace"}
    assert schedules["collect-workspace"]["interval"] == 5
    assert schedules["audit-workspace"]["cron"] == "0 3 * * *"
    assert all(d["paused"] for d in ask(prefect_api, "deployments"))


def wait_for_scheduled(api_url: str, server: subprocess.Popen[bytes]) -> dict[str, Any]:
    while server.poll() is None:
        done = ask(api_url, "flow_runs", flow_runs={"state": {"name": {"any_": ["Completed"]}}}, sort="START_TIME_DESC")
        scheduled = [run for run in done if run["auto_scheduled"]]
        if scheduled:
            return scheduled[0]
        time.sleep(1)
    raise AssertionError("the process that schedules has ended, and no run has happened")


def test_prefect_yaml_deploys(prefect_api: str, tmp_path: Path) -> None:
    described = {d["name"]: d for d in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}
    assert described.keys() == FLOWS.keys()
    environment = {
        **os.environ,
        **QUIET,
        "PREFECT_API_URL": prefect_api,
        "PREFECT_HOME": str(tmp_path),
        "REGROUND_WORKSPACE": "/data/set",
        "PWD": str(ROOT),
    }
    for arguments in (["work-pool", "create", "reground", "--type", "process"], ["deploy", "--all", "--no-prompt"]):
        command = [sys.executable, "-m", "prefect", *arguments]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    made = {d["name"]: d for d in ask(prefect_api, "deployments") if d["work_pool_name"] == "reground"}
    assert made.keys() == FLOWS.keys()
    assert all(d["parameters"] == {"workspace": "/data/set"} for d in made.values())
    assert made["collect"]["schedules"][0]["schedule"]["interval"] == 600
    assert made["audit"]["schedules"][0]["schedule"]["cron"] == "0 3 * * *"
    for name in ("collect", "audit"):
        assert made[name]["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
