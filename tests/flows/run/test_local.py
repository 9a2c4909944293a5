"""Threads, processes and Ray: the same steps, the same bytes, and errors that arrive as raised."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from reground.flows.run.local import parse_runner, settled
from reground.tasks.errors import RegroundError, UsageError
from tests.support.curation import STEPS, curate_here
from tests.support.ray_cluster import local_ray
from tests.support.world import World, make_world


@pytest.fixture(scope="module")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("small"), per_class=1)


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
def test_ray(small_world: World, tmp_path: Path, by_one_thread: dict[str, str]) -> None:
    with local_ray():
        assert curate_here(small_world, tmp_path, "ray") == by_one_thread


@pytest.mark.parametrize("spec", ["", "thread", "threads:0", "threads:x", "processes:-1", "dask"])
def test_unknown_runner(spec: str) -> None:
    with pytest.raises(UsageError, match=r"expected threads\[:N\], processes\[:N\] or ray"):
        parse_runner(spec)


def test_ray_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install"):
        parse_runner("ray")


def test_a_killed_worker_is_said_and_what_to_do() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        future = pool.submit(os._exit, 9)
        with pytest.raises(RegroundError, match=r"a worker process was killed.*run the same command again"):
            settled(future.result)
