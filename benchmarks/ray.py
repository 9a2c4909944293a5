"""Nodes of a Ray cluster against threads on the same cores, and two against one: predictions of one model.

    python -m benchmarks.ray --images FOLDER [--times N] [--shard-size N] [--rounds N]

The files of class folders are linked under new names, ``times`` over. Each side predicts the same photographs in a
process of its own: threads on one core and on two, Ray on one node of one core and on two. Its rate counts from the
first shard that is listed to the last, so that starting processes and loading the model are left out. Every ratio is
the median over rounds in which all sides run: ``nodes_to_threads`` on two cores, ``linear`` of two nodes against twice
one, and ``threads_linear`` the same of threads, which is what the cores allow. ``waited_ms`` is what a worker waits for
work, a shard. On a machine of two cores the driver and Ray's own processes share them with both workers. ``load`` is
the machine's load average at the end: above two, other work took part of the cores, and more of two than of one.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.memory import Silent, link
from benchmarks.record import record
from reground.flows.run import parse_runner, run_step
from reground.flows.steps import find
from reground.tasks.workspace import Workspace
from tests.support.ray_cluster import ray_cluster

SIDES = {"one_thread": ("threads", 1), "two_threads": ("threads", 2), "one_node": ("ray", 1), "two_nodes": ("ray", 2)}
"""What runs, and on how many cores."""
NICENESS = "RAY_worker_niceness"
"""By default Ray's workers give way to whatever else runs, which threads do not."""
WAITED = re.compile(r"waited ([\d.]+) ms a shard")


class Clock(Silent):
    """When shards were listed, and how many images each had."""

    def __init__(self) -> None:
        self.events: list[tuple[float, int]] = []

    def advance(self, step: str, count: int) -> None:
        self.events.append((time.monotonic(), count))

    def rate(self) -> float:
        """Images a second after the first shard."""
        first, last = self.events[0][0], self.events[-1][0]
        return sum(count for _, count in self.events[1:]) / (last - first)


def predict(folder: Path, runner: str) -> None:
    """In a process of its own: print the rate."""
    clock = Clock()
    settings = find("predict").settings(models=("efficientnet-lite0",), on=("photographs",), device="cpu")
    run_step("predict", Workspace(folder), settings, parse_runner(runner), clock)
    print(clock.rate())


def measure(indexed: Path, kind: str, count: int) -> tuple[float, float]:
    """Images a second on ``count`` cores, and the milliseconds that a worker of Ray waits for a shard."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "w"
        shutil.copytree(indexed, folder)
        runner = kind if kind == "threads" else stack.enter_context(ray_cluster(*[(1, 0)] * count)).runner
        command = [sys.executable, "-m", "benchmarks.ray", "--inside", str(folder), runner]
        environment = {**os.environ, "PYTHON_CPU_COUNT": str(count)}
        run = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    waited = WAITED.search(run.stderr)
    return float(run.stdout.splitlines()[-1]), float(waited[1]) if waited else 0.0


def median_ratio(numbers: Sequence[float], bases: Sequence[float]) -> float:
    return statistics.median(number / base for number, base in zip(numbers, bases, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--times", type=int, default=4)
    parser.add_argument("--shard-size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inside", nargs=2, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.inside:
        predict(Path(told.inside[0]), told.inside[1])
        return
    os.environ[NICENESS] = "0"
    rates: dict[str, list[float]] = {side: [] for side in SIDES}
    waits: list[float] = []
    with tempfile.TemporaryDirectory() as temporary:
        images, indexed = Path(temporary, "images"), Path(temporary, "indexed")
        count = link(told.images, images, (".png", ".jpg", ".jpeg"), told.times)
        settings = find("index").settings(images=str(images), shard_size=told.shard_size)
        run_step("index", Workspace(indexed), settings, parse_runner("threads"), Silent())
        for _ in range(told.rounds):
            for side, (kind, used) in SIDES.items():
                rate, waited = measure(indexed, kind, used)
                rates[side].append(rate)
                waits += [waited] if side == "two_nodes" else []
            print({side: round(values[-1], 1) for side, values in rates.items()}, flush=True)
    record(
        "ray",
        {
            "images": count,
            "rounds": told.rounds,
            "load": os.getloadavg()[1],
            **{f"{side}_images_per_s": statistics.median(values) for side, values in rates.items()},
            "nodes_to_threads": median_ratio(rates["two_nodes"], rates["two_threads"]),
            "linear": median_ratio(rates["two_nodes"], rates["one_node"]) / 2,
            "threads_linear": median_ratio(rates["two_threads"], rates["one_thread"]) / 2,
            "waited_ms": statistics.median(waits),
        },
        ("ray", "torch"),
    )


if __name__ == "__main__":
    main()
