"""kill -9 at any moment of a run or of a search: the same command continues and ends with the same bytes."""

from __future__ import annotations

import hashlib
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reground.tasks.workspace import Workspace
from tests.support.needs import need_package
from tests.support.waiting import wait_until
from tests.support.world import World

RUN_KILLS, SEARCH_KILLS = 5, 3


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    need_package("efficientnet_lite_pytorch")
    monkeypatch.setenv("REGROUND_INDEX__SHARD_SIZE", "3")
    monkeypatch.setenv("REGROUND_ADVERSARIAL__ROWS", "1")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


def reground(workspace: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "reground", *words, "-w", str(workspace)]


def listed(workspace: Path) -> dict[str, str]:
    """Everything a reader can see, by path, with its hash; fails on anything else that is left over."""
    assert Workspace(workspace).sweep() == 0
    files = [path for folder in ("tables", "files") for path in (workspace / folder).rglob("*")]
    hashes = {
        str(path.relative_to(workspace)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file()
    }
    return hashes | {f"{entry.step}/{entry.shard}": repr(entry) for entry in Workspace(workspace).entries()}


def shards_made(workspace: Path) -> int:
    return len(Workspace(workspace).entries())


def killed_and_finished(command: list[str], workspace: Path, shards: int, kills: int, seed: int) -> str:
    """Kill the command after random numbers of shards, then let it end; returns what it printed.

    Args:
        command: to run.
        workspace: that it works on.
        shards: in the workspace once the command has ended.
        kills: how often to kill it.
        seed: of the moments.
    """
    moments = random.Random(seed)
    exits, made = [], []
    for goal in sorted(moments.sample(range(shards_made(workspace) + 1, shards), kills)):
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: shards_made(workspace) >= goal or run.poll() is not None)  # noqa: B023
        time.sleep(moments.uniform(0, 0.1))
        run.send_signal(signal.SIGKILL)
        exits.append(run.wait())
        made.append(shards_made(workspace))
    last = subprocess.run(command, check=True, capture_output=True, text=True)
    assert -signal.SIGKILL in exits and set(exits) <= {0, -signal.SIGKILL}
    assert made == sorted(made)
    return last.stdout


def same(one: Path, other: Path) -> None:
    whole, killed = listed(one), listed(other)
    assert whole.keys() == killed.keys()
    assert [path for path in whole if whole[path] != killed[path]] == []


@pytest.mark.slow
def test_a_run_killed_at_random_moments(world: World, tmp_path: Path) -> None:
    options = ["--boxes", str(world.boxes), "--models", "efficientnet-lite0", "--on", "photographs,mixed_rand"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(reground(whole, "run", str(world.images), *options), check=True, capture_output=True)
    command = reground(killed, "run", str(world.images), *options)
    said = killed_and_finished(command, killed, shards_made(whole), RUN_KILLS, seed=20)
    assert "waiting for people" in said
    same(whole, killed)


@pytest.mark.slow
def test_a_search_killed_at_random_moments(world: World, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for step in (["index", str(world.images), "--boxes", str(world.boxes)], ["masks"], ["variants"]):
        subprocess.run(reground(whole, *step), check=True, capture_output=True)
    shutil.copytree(whole, killed)
    options = ["adversarial", "--models", "efficientnet-lite0", "--exhaustive"]
    subprocess.run(reground(whole, *options), check=True, capture_output=True)
    killed_and_finished(reground(killed, *options), killed, shards_made(whole), SEARCH_KILLS, seed=21)
    same(whole, killed)
