"""How near the steps ``masks`` and ``variants`` come to the bare work, and what a second process is worth.

``python -m benchmarks.variants --images FOLDER --boxes FOLDER [--limit 128]`` with ImageNet-like
class folders. The floor is decoding and GrabCut of the same photographs in as many threads as
there are cores, and nothing else. Each number is the best of the rounds, in which all sides take
turns. A process costs its start (some seconds of imports, twice: once a step), so a second one
pays from some hundred photographs on.

The ratios named ``cpu`` are of processor seconds: what others run on the machine moves them
little, while it moves the wall time of two processes more than that of one. Two processes that
share the work evenly take half of their processor seconds.
"""

from __future__ import annotations

import argparse
import functools
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2

from benchmarks.record import record
from reground.flows.run import Runner, run_step
from reground.flows.steps import find
from reground.tasks.cores import cores
from reground.tasks.images import DropError, Photograph
from reground.tasks.kernels.grabcut import grabcut
from reground.tasks.masks import MaskSettings
from reground.tasks.masks.step import check_box
from reground.tasks.workspace import Workspace

SHARD = 4
THREADS = cores()


class Silent:
    def start(self, step: str, total: int, done: int) -> None: ...
    def advance(self, step: str, by: int) -> None: ...
    def end(self, step: str, note: str) -> None: ...


def index(folder: Path, images: Path, boxes: Path, limit: int) -> Workspace:
    """Some of the photographs that have a box file, evenly over all of them."""
    boxed = {path.stem for path in boxes.rglob("*.xml")}
    files = sorted(path.absolute() for path in images.rglob("*") if path.is_file() and path.stem in boxed)
    for file in files[:: max(1, len(files) // limit)][:limit]:
        link = folder / "images" / file.parent.name / file.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file)
    workspace = Workspace(folder / "workspace")
    told = {"images": str(folder / "images"), "boxes": str(boxes), "shard_size": SHARD}
    run_step("index", workspace, find("index").settings(**told), Runner("threads", THREADS), Silent())
    return workspace


def steps(workspace: Workspace, runner: Runner) -> None:
    for name in ("masks", "variants"):
        workspace.retire(name, ())
    for name in ("masks", "variants"):
        run_step(name, workspace, find(name).settings(), runner, Silent())


def usable(workspace: Workspace) -> list[Photograph]:
    """Those that reach GrabCut."""
    found = []
    rows = (row for _, part in workspace.parts("images") for row in workspace.read_part(part.path).to_pylist())
    for row in rows:
        try:
            photograph = Photograph.of_row(row)
            check_box(photograph)
        except (DropError, ValueError):
            continue
        found.append(photograph)
    return found


def floor(photographs: Sequence[Photograph]) -> None:
    cv2.setNumThreads(1)
    settings = MaskSettings()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda one: grabcut(one.load(), one.box, settings.iterations, 0), photographs))


class Spent(NamedTuple):
    """Seconds on the wall, and of the processor: this process and those it waited for."""

    wall: float
    cpu: float


def spent() -> Spent:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Spent(time.perf_counter(), sum(one.ru_utime + one.ru_stime for one in used))


def best(sides: Sequence[Callable[[], None]], rounds: int) -> list[Spent]:
    seconds: list[list[Spent]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, run in zip(seconds, sides, strict=True):
            before = spent()
            run()
            side.append(Spent(*(b - a for a, b in zip(before, spent(), strict=True))))
    return [Spent(*map(min, zip(*side, strict=True))) for side in seconds]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="a folder of photographs")
    parser.add_argument("--boxes", type=Path, required=True, help="a folder of their box XML")
    parser.add_argument("--limit", type=int, default=128, help="photographs taken")
    parser.add_argument("--rounds", type=int, default=2)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = index(Path(folder), told.images, told.boxes, told.limit)
        photographs = usable(workspace)
        run = functools.partial(steps, workspace)
        sides = [
            functools.partial(floor, photographs),
            functools.partial(run, Runner("threads", THREADS)),
            functools.partial(run, Runner("processes", 1)),
            functools.partial(run, Runner("processes", 2)),
        ]
        of_floor, of_threads, of_one, of_two = best(sides, told.rounds)
    numbers = {
        "images": len(photographs),
        "threads": THREADS,
        "floor_s": of_floor.wall,
        "steps_s": of_threads.wall,
        "steps_to_floor": of_threads.wall / of_floor.wall,
        "steps_to_floor_cpu": of_threads.cpu / of_floor.cpu,
        "one_process_s": of_one.wall,
        "two_processes_s": of_two.wall,
        "two_to_one": of_one.wall / of_two.wall,
        "two_to_one_cpu": 2 * of_one.cpu / of_two.cpu,
    }
    record("variants", numbers, ("opencv-python-headless", "pillow", "pyarrow"))


if __name__ == "__main__":
    main()
