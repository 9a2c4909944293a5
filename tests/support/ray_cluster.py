"""A Ray cluster of several nodes on this machine, on loopback alone, with GPUs that are declared and not there."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.loopback import loopback_alone
from tests.support.needs import need, need_package
from tests.support.waiting import wait_until

ATTEMPTS = 10
STORE_BYTES = 100 << 20
OWN_DISK = """
hidden=$1; shift
for folder in $hidden; do mount -t tmpfs none "$folder" || exit; done
exec "$@"
"""
"""Runs a command that sees an empty disk of its own in place of some folders."""


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
    def machines(self, count: int, *hidden: Path) -> Iterator[None]:
        """More nodes, of one core each, which have a temporary folder of their own and see nothing of the hidden ones.

        Skips the test where this machine does not allow that.
        """
        _need_own_disks()
        folders = [Path(tempfile.mkdtemp(prefix="ray")) for _ in range(count)]
        with contextlib.ExitStack() as stack:
            for folder in folders:
                stack.callback(shutil.rmtree, folder, ignore_errors=True)
            before, hidden = self._alive(), (*hidden, Path(os.environ["RAY_TMPDIR"]))
            nodes, starts = {folder: self._join(folder, hidden) for folder in folders}, list[Path]()
            stack.callback(lambda: [node.wait() for node in nodes.values()])
            stack.callback(lambda: [node.terminate() for node in nodes.values()])

            def have_joined() -> bool:
                for folder, node in nodes.items():
                    if node.poll() is not None:  # Ray gives it 30 seconds, which a busy machine may pass
                        starts.append(folder)
                        assert len(starts) < ATTEMPTS, f"nodes end with {node.returncode}"
                        nodes[folder] = self._join(folder, hidden)
                return self._alive() == before + count

            wait_until(have_joined, 0.2)
            yield

    def _join(self, folder: Path, hidden: Sequence[Path]) -> subprocess.Popen[bytes]:
        words = ["start", "--address", self.cluster.address, "--num-cpus", "1", "--num-gpus", "0", "--block"]
        words += ["--temp-dir", str(folder), "--object-store-memory", str(STORE_BYTES)]
        words += ["--min-worker-port", "0", "--max-worker-port", "0"]
        ray = [sys.executable, "-m", "ray.scripts.scripts", *words]
        alone = ["unshare", "--mount", "sh", "-c", OWN_DISK, "sh", " ".join(map(str, hidden)), *ray]
        return subprocess.Popen(alone, stdout=subprocess.DEVNULL)

    def _alive(self) -> int:
        return sum(node["Alive"] for node in self.cluster.global_state.node_table())


def _need_own_disks() -> None:
    program = shutil.which("unshare")
    allowed = program and subprocess.run([program, "--mount", "true"], capture_output=True).returncode == 0
    need(allowed, "mount namespaces (root on Linux)")


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
