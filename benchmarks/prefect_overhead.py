"""Prefect's own share of the wall time of ``reground run``.

``python -m benchmarks.prefect_overhead --images FOLDER --boxes FOLDER [--times 10] [--rounds 1] [-- OPTIONS]``
runs the command plainly and on a Prefect server, in turns, each in a process and a workspace of
its own; OPTIONS go to ``reground run`` (``--models efficientnet-lite0`` makes it shorter).
With ``--times 10`` the images are linked ten times over, under new names.

Two shares are printed, both of the wall time on Prefect:

``share_of_walls``
    the difference between the two wall times. At a few minutes it drowns in noise.
``share_of_idle``
    what can be put down to Prefect: the time in which nobody worked on a batch, beyond that of the
    plain run, plus the processor time of the server, as if none of it had found an idle core.
``share_at_most``
    the same without taking off the plain run's own (planning, starting up, uneven last batches);
    ``--rounds 0`` measures it alone, from one run on Prefect.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.memory import link
from benchmarks.record import record
from reground.flows.run import prefect_server
from reground.tasks.cores import cores


@dataclass(frozen=True)
class Side:
    """One run.

    Attributes:
        wall: seconds, from the start of the process to its end.
        worked: seconds in which batches were worked on: their sum, over the workers that shared them.
        batches: how many.
        server: processor seconds of the Prefect server meanwhile.
    """

    wall: float
    worked: float
    batches: int
    server: float = 0.0


def inside(log: Path, arguments: list[str]) -> int:
    """Run a command in this process; write down when each batch was worked on."""
    from reground.flows.cli import main
    from reground.flows.run import local

    seen: list[tuple[str, float]] = []
    work = local.run_batch

    def timed(step_name: str, *rest: Any) -> int:
        began = time.monotonic()
        try:
            return work(step_name, *rest)
        finally:
            seen.append((step_name, time.monotonic() - began))

    local.run_batch = timed
    status = main(arguments)
    log.write_text(json.dumps(seen))
    return status


def side(folder: Path, arguments: list[str], workers: int, api_url: str = "") -> Side:
    log = folder.with_suffix(".json")
    run = ["run", *arguments, "-w", str(folder), "--runner", f"threads:{workers}", "--prefect", api_url]
    before, began = server_seconds(), time.monotonic()
    subprocess.run([sys.executable, "-m", "benchmarks.prefect_overhead", "--inside", str(log), *run], check=True)
    wall = time.monotonic() - began
    spent = server_seconds() - before
    seen = json.loads(log.read_text())
    return Side(wall, worked(seen, workers), len(seen), spent if api_url else 0.0)


def worked(seen: list[tuple[str, float]], workers: int) -> float:
    from reground.flows.steps import find

    seconds: dict[str, list[float]] = defaultdict(list)
    for step, took in seen:
        seconds[step].append(took)
    return sum(sum(took) / (min(workers, len(took)) if find(step).parallel else 1) for step, took in seconds.items())


def server_seconds() -> float:
    """Processor seconds of the servers that this process has started and not yet stopped."""
    times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return sum(spent.user + spent.system for spent in times)


def shares(plain: list[Side], on_prefect: list[Side]) -> dict[str, object]:
    wall = statistics.mean(run.wall for run in on_prefect)
    idle = statistics.mean(run.wall - run.worked for run in on_prefect)
    server_cpu = statistics.mean(run.server for run in on_prefect)
    server = server_cpu / (cores())
    numbers: dict[str, object] = {"prefect_s": wall, "task_runs": on_prefect[0].batches, "server_cpu_s": server_cpu}
    told = ("plain_s", "share_of_walls", "share_of_idle")
    if plain:
        plain_wall = statistics.mean(run.wall for run in plain)
        plain_idle = statistics.mean(run.wall - run.worked for run in plain)
        values = (plain_wall, (wall - plain_wall) / wall, (idle - plain_idle + server) / wall)
    else:
        values = ("", "", "")
    return {**numbers, **dict(zip(told, values, strict=True)), "share_at_most": (idle + server) / wall}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="class folders of photographs")
    parser.add_argument("--boxes", type=Path, required=True, help="their box XML")
    parser.add_argument("--times", type=int, default=1, help="how often each image is linked")
    parser.add_argument("--rounds", type=int, default=1, help="of both sides; 0: Prefect alone, once")
    parser.add_argument("--workers", type=int, default=cores(), help="threads")
    parser.add_argument("options", nargs="*", help="of `reground run`, after --")
    told = parser.parse_args()
    plain: list[Side] = []
    on_prefect: list[Side] = []
    with tempfile.TemporaryDirectory() as temporary, prefect_server(Path(temporary) / "prefect") as api_url:
        folder = Path(temporary)
        count = link(told.images, folder / "images", (".jpeg", ".jpg", ".png"), told.times)
        link(told.boxes, folder / "boxes", (".xml",), told.times)
        arguments = [str(folder / "images"), "--boxes", str(folder / "boxes"), *told.options]
        for turn in range(max(1, told.rounds)):
            on_prefect.append(side(folder / f"prefect-{turn}", arguments, told.workers, api_url))
            if told.rounds:
                plain.append(side(folder / f"plain-{turn}", arguments, told.workers))
    numbers = {"images": count, "options": " ".join(told.options), "workers": told.workers, "rounds": told.rounds}
    record("prefect_overhead", {**numbers, **shares(plain, on_prefect)}, ("prefect", "sqlalchemy", "fastapi"))
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        sys.exit(inside(Path(sys.argv[2]), sys.argv[3:]))
    sys.exit(main())
