"""Processor seconds of forward passes beside busy neighbours, against those of a quiet machine.

    python -m benchmarks.oversubscription [--images N] [--rounds N] [--neighbours N]

Each side runs in a process of its own: passes as a step runs them (one thread each, as many at once as there are
cores), and passes with torch's own threads, which wait by spinning unless told otherwise. The neighbours are
busy processes, by default as many as there are cores. The least of the rounds counts on each side.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from benchmarks.record import record
from reground.tasks.cores import cores

INSIDE = """
import sys, time
import numpy as np
if sys.argv[1] == "ours":
    from reground.tasks import models
    model = models.load("efficientnet-lite0", "cpu")
    run = model.predict
else:
    import torch
    from reground.tasks import models
    module = models.load("efficientnet-lite0", "cpu").module
    torch.set_num_threads(int(sys.argv[3]))
    def run(batch):
        with torch.inference_mode():
            for start in range(0, len(batch), 8):
                module(torch.from_numpy(batch[start : start + 8]).contiguous(memory_format=torch.channels_last))
batch = np.zeros((int(sys.argv[2]), 3, 224, 224), np.float32)
run(batch[:16])
began = time.process_time()
run(batch)
print(time.process_time() - began)
"""
BUSY = "while True: pass"


def seconds(side: str, images: int) -> float:
    """Processor seconds of one side, in a process of its own."""
    # With torch's own threads as torch's own defaults have them.
    policy = {"OMP_WAIT_POLICY": "PASSIVE" if side == "ours" else "ACTIVE"}
    command = [sys.executable, "-c", INSIDE, side, str(images), str(cores())]
    run = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **policy})
    return float(run.stdout)


def beside_neighbours(side: str, images: int, count: int) -> float:
    neighbours = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        return seconds(side, images)
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--neighbours", type=int, default=cores())
    told = parser.parse_args()
    quiet: dict[str, list[float]] = {"ours": [], "torch": []}
    busy: dict[str, list[float]] = {"ours": [], "torch": []}
    for _ in range(told.rounds):
        for side in quiet:
            quiet[side].append(seconds(side, told.images))
            busy[side].append(beside_neighbours(side, told.images, told.neighbours))
    numbers: dict[str, object] = {"images": told.images, "neighbours": told.neighbours}
    for side in quiet:
        numbers[f"{side}_quiet_s"], numbers[f"{side}_busy_s"] = min(quiet[side]), min(busy[side])
        numbers[f"{side}_busy_to_quiet"] = min(busy[side]) / min(quiet[side])
    record("oversubscription", numbers, ("torch",))


if __name__ == "__main__":
    main()
