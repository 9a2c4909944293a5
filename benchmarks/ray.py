"""Actors of Ray against threads on the same cores, and against one actor: predictions of one model.

    python -m benchmarks.ray --images FOLDER [--times N] [--shard-size N] [--rounds N]

The files of class folders are linked under new names, ``times`` over. Each side predicts the same photographs in a
process of its own: threads on all cores, Ray on one core and on all. Its rate counts from the first shard that is
listed to the last, so that starting processes and loading the model are left out. The best of the rounds counts on each
side; ``linear`` is the rate of all actors divided by that of as many times one actor. ``waited_ms`` is what a worker
waits for work, a shard.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.memory import Silent, link
from benchmarks.record import record
from reground.flows.run import parse_runner, run_step
from reground.flows.steps import find
from reground.tasks.cores import cores
from reground.tasks.workspace import Workspace

WAITED = re.compile(r"waited ([\d.]+) ms a shard")


class Clock(Silent):
    """When shards were listed, and how many images each had."""

    def __init__(self) -> None:
        self.events: list[tuple[float, int]] = []

    def advance(self, step: str, by: int) -> None:
        self.events.append((time.monotonic(), by))

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


def measure(images: Path, runner: str, count: int, shard_size: int) -> tuple[float, float]:
    """Images a second on ``count`` cores, and the milliseconds that a worker of Ray waits for a shard."""
    with tempfile.TemporaryDirectory() as temporary:
        index = find("index")
        settings = index.settings(images=str(images), shard_size=shard_size)
        run_step("index", Workspace(temporary), settings, parse_runner("threads"), Silent())
        command = [sys.executable, "-m", "benchmarks.ray", "--inside", temporary, runner]
        environment = {**os.environ, "PYTHON_CPU_COUNT": str(count)}
        run = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    waited = WAITED.search(run.stderr)
    return float(run.stdout.splitlines()[-1]), float(waited[1]) if waited else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--shard-size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inside", nargs=2, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.inside:
        predict(Path(told.inside[0]), told.inside[1])
        return
    sides = {"threads": ("threads", cores()), "one_actor": ("ray", 1), "actors": ("ray", cores())}
    results: dict[str, list[tuple[float, float]]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as temporary:
        count = link(told.images, Path(temporary), (".png", ".jpg", ".jpeg"), told.times)
        for _ in range(told.rounds):
            for side, (runner, cores_used) in sides.items():
                results[side].append(measure(Path(temporary), runner, cores_used, told.shard_size))
    rate = {side: max(value for value, _ in values) for side, values in results.items()}
    record(
        "ray",
        {
            "images": count,
            "cores_used": cores(),
            **{f"{side}_images_per_s": value for side, value in rate.items()},
            "actors_to_threads": rate["actors"] / rate["threads"],
            "linear": rate["actors"] / (cores() * rate["one_actor"]),
            "waited_ms": min(waited for _, waited in results["actors"]),
        },
        ("ray", "torch"),
    )


if __name__ == "__main__":
    main()
