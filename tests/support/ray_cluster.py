"""A Ray cluster of several nodes on this machine, on loopback alone, with GPUs that are declared and not there."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.loopback import loopback_alone
from tests.support.needs import need_package

STORE_BYTES = 100 << 20


@dataclass
class RayCluster:
    """A cluster that runs.

    Attributes:
        cluster: Ray's own.
        nodes: beside the head.
    """

    cluster: Any
    nodes: list[Any]

    @property
    def runner(self) -> str:
        return f"ray:{self.cluster.address}"

    def kill_node(self) -> None:
        """The last node is gone, as if its machine had lost power."""
        os.kill(self.nodes.pop().all_processes["raylet"][0].process.pid, signal.SIGKILL)


@contextlib.contextmanager
def ray_cluster(*nodes: tuple[float, float]) -> Iterator[RayCluster]:
    """A cluster whose nodes have so many cores and GPUs; the first is the head, where the driver lives."""
    need_package("ray")
    import ray

    # The path of a socket may have 107 bytes: no folder of pytest's.
    folder = Path(tempfile.mkdtemp(prefix="ray"))
    with pytest.MonkeyPatch.context() as patch, loopback_alone():
        ray.shutdown()
        patch.setenv("RAY_TMPDIR", str(folder))
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        read_token_again()
        logging.getLogger("ray").setLevel(logging.ERROR)
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            cluster = _start(nodes)
            stack.callback(lambda: cluster.cluster.shutdown())
            stack.callback(ray.shutdown)
            yield cluster


def _start(nodes: Sequence[tuple[float, float]]) -> RayCluster:
    """A node that takes longer than Ray's 30 seconds to start, on a busy machine, is started again with the others."""
    from ray.cluster_utils import Cluster

    while True:
        cluster = Cluster()
        try:
            options = {"object_store_memory": STORE_BYTES, "include_dashboard": False}
            started = [cluster.add_node(num_cpus=cpus, num_gpus=gpus, **options) for cpus, gpus in nodes]
            return RayCluster(cluster, started[1:])
        except Exception as error:
            cluster.shutdown()
            if "timed out" not in str(error):
                raise


@contextlib.contextmanager
def local_ray() -> Iterator[None]:
    """Whatever starts Ray in this process starts it on loopback alone; it ends with the block."""
    with loopback_alone(), ended_ray():
        yield


@contextlib.contextmanager
def ended_ray() -> Iterator[None]:
    """Ray that this process starts meanwhile ends with the block; one from before ends first."""
    need_package("ray")
    import ray

    ray.shutdown()
    try:
        yield
    finally:
        ray.shutdown()


def read_token_again() -> None:
    """Ray keeps mode and token of its import."""
    from ray._private.authentication import authentication_token_setup as setup

    setup.Config.initialize("")
    setup.AuthenticationTokenLoader.instance().reset_cache()


def actor_processes(parent: int | None = None) -> list[psutil.Process]:
    """Processes of actors at present, below this process or another."""
    return [child for child in psutil.Process(parent).children(recursive=True) if is_actor(child)]


def is_actor(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return any("ray::Worker" in word for word in process.cmdline())
    return False
