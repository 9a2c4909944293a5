"""Threads, processes and Ray: the same steps, the same bytes, and errors that arrive as raised."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from reground.flows.run.local import parse_runner, settled
from reground.flows.run.ray import ATTEMPTS, RayExecutor, start_ray
from reground.tasks.cores import cores
from reground.tasks.errors import RegroundError, UsageError
from tests.support.curation import STEPS, curate_here
from tests.support.loopback import loopback_alone
from tests.support.needs import need_package
from tests.support.waiting import HANG, wait_until
from tests.support.world import World, make_world


@pytest.fixture(scope="module")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("small"), per_class=1)


@pytest.fixture
def ray_ends() -> Iterator[None]:
    need_package("ray")
    import ray

    with loopback_alone():
        yield
        ray.shutdown()


@pytest.fixture(scope="module")
def by_one_thread(small_world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    made = curate_here(small_world, tmp_path_factory.mktemp("one") / "w", "threads:1")
    assert sum(path.startswith("tables/") for path in made) > len(STEPS)
    return made


def test_threads(small_world: World, tmp_path: Path, by_one_thread: dict[str, str]) -> None:
    assert curate_here(small_world, tmp_path, "threads:3") == by_one_thread


def test_processes(small_world: World, tmp_path: Path, by_one_thread: dict[str, str]) -> None:
    curate_here(small_world, tmp_path, "threads", ("index",))
    assert curate_here(small_world, tmp_path, "processes:2", ("masks", "variants")) == by_one_thread


@pytest.mark.slow
def test_ray(small_world: World, tmp_path: Path, by_one_thread: dict[str, str], ray_ends: None) -> None:
    assert curate_here(small_world, tmp_path, "ray") == by_one_thread
    with RayExecutor() as pool:
        good, bad = pool.submit(pow, 2, 5), pool.submit(_refuse, "image 7 cannot be read")
        assert good.result(HANG) == 32
        with pytest.raises(RegroundError, match=r"^image 7 cannot be read$"):
            bad.result(HANG)
        gate = tmp_path / "gate"
        under_way = [pool.submit(_pass, gate) for _ in range(cores())]
        wait_until(lambda: all(future.running() for future in under_way))
        queued = [pool.submit(_pass, gate) for _ in range(3)]
        pool.shutdown(wait=False, cancel_futures=True)
        gate.touch()
        assert [future.result(HANG) for future in under_way] == [None] * len(under_way)
        assert all(future.cancelled() for future in queued)


@pytest.mark.slow
def test_ray_here_refuses_whoever_lacks_its_token(
    ray_ends: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    start_ray()
    import ray

    address = ray.get_runtime_context().gcs_address
    join = f"import ray; ray.init({address!r}, logging_level='ERROR')"
    other = {**os.environ, "RAY_AUTH_TOKEN": "0" * 64}
    refused = subprocess.run([sys.executable, "-c", join], env=other, capture_output=True, text=True)
    assert refused.returncode and ("Authentication" in refused.stderr or "Failed to connect" in refused.stderr)
    subprocess.run([sys.executable, "-c", join], env=dict(os.environ), check=True, capture_output=True)
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
    starts.clear()
    with pytest.raises(RegroundError, match="did not start at ray://nowhere"):
        start_ray("ray://nowhere:10001")
    assert len(starts) == 1


@pytest.mark.parametrize("spec", ["", "thread", "threads:0", "threads:x", "processes:-1", "dask"])
def test_unknown_runner(spec: str) -> None:
    with pytest.raises(UsageError, match=r"expected threads\[:N\], processes\[:N\] or ray"):
        parse_runner(spec)


def test_ray_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install"):
        RayExecutor()


def _pass(gate: Path) -> None:
    wait_until(gate.exists)


def _refuse(why: str) -> None:
    raise RegroundError(why)


def test_a_killed_worker_is_said_and_what_to_do() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        future = pool.submit(os._exit, 9)
        with pytest.raises(RegroundError, match=r"a worker process was killed.*run the same command again"):
            settled(future.result)
