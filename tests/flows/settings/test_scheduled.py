"""A settings file given once holds for every command and every scheduled run that follows."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reground.annotations.published import import_votes
from reground.flows.artifacts import slug
from reground.flows.cli.main import main
from reground.flows.registry import FLOWS
from reground.flows.run import use
from reground.flows.run.prefect_server import stop_group
from reground.tasks.votes import truth_policy
from reground.tasks.workspace import Workspace
from tests.support.prefect_api import ask
from tests.support.waiting import HANG

IMAGES, PEOPLE = 4, 5


@pytest.fixture
def voted(tmp_path: Path) -> Workspace:
    """Votes of a crew that says yes, and of a pilot that says no, on the same pairs."""
    workspace = Workspace(tmp_path / "workspace")
    for source, answer in (("crew", "yes"), ("pilot", "no")):
        lines = [
            f"ILSVRC2012_val_{image:08d},8,{source}-{person},{answer},contains"
            for image in range(1, IMAGES + 1)
            for person in range(PEOPLE)
        ]
        path = tmp_path / f"{source}.csv"
        path.write_text("\n".join(["image_id,label,annotator,answer,question", *lines]) + "\n")
        import_votes(workspace, "csv", path)
    return workspace


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text("[truth]\nhold_out = ['pilot']\n")
    return path


def confidences(workspace: Workspace) -> list[list[float]]:
    return [list(confidence) for confidence in workspace.read("truth")["confidence"]]


def test_the_next_command_goes_by_the_file(
    voted: Workspace, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    for words in (["--config", str(config)], []):
        assert main(["truth", "-w", voted.url, *words]) == 0, capsys.readouterr().err
        assert confidences(voted) == [[1.0]] * IMAGES
    policy = truth_policy(voted)
    assert policy is not None and policy.held_out_sources == {"pilot"}


@pytest.mark.slow
def test_served_runs_go_by_the_file(prefect_api: str, voted: Workspace, config: Path, tmp_path: Path) -> None:
    words = ["serve", "-w", voted.url, "--config", str(config), "--prefect", prefect_api, "--collect-every", "86400"]
    with (tmp_path / "serve.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "reground", *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while sum(d["parameters"] == {"workspace": voted.root} for d in ask(prefect_api, "deployments")) < len(FLOWS):
            assert server.poll() is None, (tmp_path / "serve.log").read_text()
            time.sleep(0.5)
        use(prefect_api)
        from prefect.deployments import run_deployment

        run = run_deployment(f"audit/audit-{slug(voted)}", timeout=None, poll_interval=1)
        server.send_signal(signal.SIGTERM)
        assert server.wait(HANG) == 0
    finally:
        stop_group(server)
    assert run.state.is_completed(), run.state.message
    assert confidences(voted) == [[1.0]] * IMAGES
