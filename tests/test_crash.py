"""kill -9 at any moment of `reground run`: the same command continues and ends with the same bytes."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks.store import Workspace
from tests.needs import need_package
from tests.world import World

KILLS = 5


def command(world: World, workspace: Path) -> list[str]:
    options = ["--boxes", str(world.boxes), "--models", "efficientnet-lite0", "--on", "photographs,mixed_rand"]
    return [sys.executable, "-m", "flows.cli", "run", str(world.images), "-w", str(workspace), *options]


def listed(workspace: Path) -> dict[str, str]:
    """Everything a reader can see, by path, with its hash; fails on anything else that is left over."""
    assert Workspace(workspace).sweep() == 0
    files = [path for folder in ("tables", "manifest", "files") for path in (workspace / folder).rglob("*")]
    return {
        str(path.relative_to(workspace)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file()
    }


@pytest.mark.slow
def test_killed_at_random_moments(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_package("efficientnet_lite_pytorch")
    monkeypatch.setenv("REGROUND_INDEX__SHARD_SIZE", "3")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    began = time.monotonic()
    subprocess.run(command(world, tmp_path / "whole"), check=True, capture_output=True)
    duration = time.monotonic() - began
    moments = random.Random(20)
    shards = []
    for _ in range(KILLS):
        run = subprocess.Popen(
            command(world, tmp_path / "killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(moments.uniform(0.2, 0.8) * duration)
        run.send_signal(signal.SIGKILL)
        run.wait()
        shards.append(len(Workspace(tmp_path / "killed").entries()))
    last = subprocess.run(command(world, tmp_path / "killed"), check=True, capture_output=True, text=True)
    assert "waiting for people" in last.stdout
    assert shards == sorted(shards) and shards[-1] > 0
    whole, killed = listed(tmp_path / "whole"), listed(tmp_path / "killed")
    assert whole.keys() == killed.keys()
    assert [path for path in whole if whole[path] != killed[path]] == []
