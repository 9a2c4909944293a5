"""A workspace in an object store, on a real server: the bytes of a folder, however it is run or interrupted."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reground.tasks.workspace import Workspace, repair_manifest
from tests.support.bucket import Bucket, s3_server, seaweedfs_server
from tests.support.waiting import HANG, wait_until
from tests.support.world import World

pytestmark = pytest.mark.slow

DRIVER = """
from reground.tasks.workspace import lease
lease.EXPIRY = 2.0
from reground.flows.cli import program
program()
"""
"""The command, whose lock expires sooner."""
COMMAND = ("-m", "reground")
LOST = "run the same command again once the other has ended."


SETTINGS = {"REGROUND_INDEX__SHARD_SIZE": "3"}


def options(world: World, runner: str = "threads:2") -> list[str]:
    words = ["--boxes", str(world.boxes), "--models", "efficientnet-lite0", "--on", "photographs,mixed_rand"]
    return ["run", str(world.images), *words, "--runner", runner]


def start(
    workspace: str, words: list[str], log: Path, command: tuple[str, ...] = ("-c", DRIVER)
) -> subprocess.Popen[bytes]:
    with log.open("ab") as handle:
        return subprocess.Popen(
            [sys.executable, *command, *words, "-w", workspace],
            env={**os.environ, **SETTINGS},
            stdout=subprocess.DEVNULL,
            stderr=handle,
        )


def run(workspace: str, words: list[str], log: Path) -> None:
    """To its end; on a busy machine a lock that expires soon may be lost, and the command says to run it again."""
    while start(workspace, words, log).wait(HANG):
        assert LOST in log.read_text(), log.read_text()
        log.unlink()


def digests(workspace: str) -> dict[str, str]:
    """The digest of every file that is listed, but the report: it names its workspace."""
    entries = [entry for entry in Workspace(workspace).entries() if entry.step != "report"]
    return {part.path: part.digest for entry in entries for part in (*entry.tables.values(), *entry.files.values())}


def is_whole(workspace: str) -> bool:
    """Whether every listed file is there as it was written."""
    here = Workspace(workspace)
    return not repair_manifest(here)


@pytest.fixture(scope="module", params=[s3_server, seaweedfs_server], ids=["moto", "seaweedfs"])
def s3_address(request: pytest.FixtureRequest) -> Iterator[str]:
    with request.param() as address:
        yield address


@pytest.fixture(scope="module")
def whole(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The same run in a folder."""
    folder = tmp_path_factory.mktemp("whole")
    run(str(folder / "w"), options(world), folder / "run.log")
    return digests(str(folder / "w"))


@pytest.mark.parametrize("runner", ["threads:2", "processes:2"])
def test_the_same_bytes_as_in_a_folder(
    world: World, tmp_path: Path, bucket: Bucket, whole: dict[str, str], runner: str
) -> None:
    workspace, log = f"{bucket.url}/some/w", tmp_path / "run.log"
    run(workspace, options(world, runner), log)
    assert digests(workspace) == whole
    run(workspace, options(world, runner), log)  # nothing is stale, nothing is made again
    assert digests(workspace) == whole and is_whole(workspace)


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.long)])
def test_killed_at_random_moments(
    world: World, tmp_path: Path, bucket: Bucket, whole: dict[str, str], kills: int
) -> None:
    workspace, log, moments = f"{bucket.url}/w", tmp_path / "run.log", random.Random(kills)
    exits = []
    for _ in range(kills):
        driver = start(workspace, options(world), log)
        goal = len(Workspace(workspace).entries()) + moments.randint(0, 3)
        wait_until(lambda: len(Workspace(workspace).entries()) >= goal or driver.poll() is not None, 0.05)  # noqa: B023
        time.sleep(moments.uniform(0, 0.3))
        driver.send_signal(signal.SIGKILL)
        exits.append(driver.wait())
    assert -signal.SIGKILL in exits
    run(workspace, options(world), log)
    assert digests(workspace) == whole and is_whole(workspace)


def test_two_drivers_at_once(world: World, tmp_path: Path, bucket: Bucket, whole: dict[str, str]) -> None:
    workspace, logs = f"{bucket.url}/w", [tmp_path / "a.log", tmp_path / "b.log"]
    drivers = [start(workspace, options(world), log, COMMAND) for log in logs]
    assert [driver.wait(HANG) for driver in drivers] == [0, 0], [log.read_text() for log in logs]
    assert f"waiting for {workspace}, held by `reground run` (process" in "".join(log.read_text() for log in logs)
    assert digests(workspace) == whole and is_whole(workspace)


def test_a_driver_that_was_frozen_changes_nothing_when_it_wakes(
    world: World, tmp_path: Path, bucket: Bucket, whole: dict[str, str]
) -> None:
    workspace, log = f"{bucket.url}/w", tmp_path / "frozen.log"
    frozen = start(workspace, options(world), log)
    wait_until(lambda: len(Workspace(workspace).entries()) >= 3 or frozen.poll() is not None, 0.02)
    os.kill(frozen.pid, signal.SIGSTOP)
    run(workspace, options(world), tmp_path / "other.log")
    before = Workspace(workspace).entries()
    os.kill(frozen.pid, signal.SIGCONT)
    assert frozen.wait(HANG) == 1
    assert f"another run has taken {workspace} over" in log.read_text()
    assert Workspace(workspace).entries() == before
    assert digests(workspace) == whole and is_whole(workspace)
