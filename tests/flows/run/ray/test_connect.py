"""Starting Ray here, and joining a cluster: with a token, or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reground.flows.run.ray.connect import ATTEMPTS, start_ray
from reground.tasks.errors import RegroundError, UsageError
from tests.support.needs import need_package
from tests.support.ray_cluster import local_ray

JOIN = "import sys; from reground.flows.run.ray.connect import start_ray; start_ray(sys.argv[1])"


@pytest.mark.slow
def test_ray_here_refuses_whoever_lacks_its_token(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    with local_ray():
        start_ray()
        import ray

        command = [sys.executable, "-c", JOIN, ray.get_runtime_context().gcs_address]
        other = {**os.environ, "RAY_AUTH_TOKEN": "0" * 64}
        refused = subprocess.run(command, env=other, capture_output=True, text=True)
        assert refused.returncode and "does not let us in" in refused.stderr and "RAY_AUTH_TOKEN" in refused.stderr
        subprocess.run(command, env=dict(os.environ), check=True, capture_output=True)
    assert "listens on every address" in capsys.readouterr().err


def test_ray_that_does_not_start_at_once_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    need_package("ray")
    import ray

    starts: list[str] = []

    def init(address: str, **_: object) -> None:
        starts.append(address)
        if len(starts) < works_at:
            raise Exception("The current node timed out during startup")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "is_initialized", lambda: len(starts) >= works_at)
    works_at = ATTEMPTS
    start_ray()
    assert starts == ["local"] * ATTEMPTS
    works_at = 100
    starts.clear()
    with pytest.raises(RegroundError, match="Ray did not start: The current node timed out"):
        start_ray()
    assert len(starts) == ATTEMPTS


def test_a_cluster_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    need_package("ray")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    for address in ("127.0.0.1:9", "ray://127.0.0.1:9"):
        with pytest.raises(RegroundError, match=rf"expected a Ray cluster at {address}, got: .*refused"):
            start_ray(address)


def test_a_cluster_is_joined_with_a_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    need_package("ray")
    monkeypatch.setenv("HOME", str(tmp_path))  # where Ray looks for a token
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="RAY_AUTH_TOKEN_PATH to a file"):
        start_ray("127.0.0.1:9")


def test_ray_leaves_the_handler_of_sigterm(monkeypatch: pytest.MonkeyPatch) -> None:
    need_package("ray")
    import ray

    def init(*_: object, **__: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    before = signal.getsignal(signal.SIGTERM)
    start_ray()
    assert signal.getsignal(signal.SIGTERM) is before
