"""What features cost: `predict --features` against `predict`, on the same photographs.

``python -m benchmarks.features --images FOLDER [--limit 96] [--rounds 9]``. Both sides run in each round, the one
that begins in turn. ``features_to_plain`` is the median over the rounds of the ratio of their processor seconds, all
threads together; ``low`` and ``high`` its quartiles; ``wall`` the median of the ratio of seconds. The model is loaded
before.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.memory import Silent
from benchmarks.predict import MODEL, index
from benchmarks.record import record
from reground.flows.run import Runner, run_step
from reground.tasks.cores import cores
from reground.tasks.models import load
from reground.tasks.predictions import PredictionSettings
from reground.tasks.schema import PHOTOGRAPHS
from reground.tasks.workspace import Workspace


def seconds(workspace: Workspace, features: bool) -> tuple[float, float]:
    """Processor seconds of this process, and seconds, of one pass over all photographs."""
    workspace.retire("predict", ())
    settings = PredictionSettings(models=(MODEL,), on=(PHOTOGRAPHS,), features=features)
    processor, began = time.process_time(), time.perf_counter()
    run_step("predict", workspace, settings, Runner("threads", cores()), Silent())
    return time.process_time() - processor, time.perf_counter() - began


def compare(workspace: Workspace, rounds: int) -> np.ndarray:
    """``(rounds, 2, 2)``: of each round plain and with features, processor seconds and seconds."""
    sides: Sequence[bool] = (False, True)
    times = np.zeros((rounds, 2, 2))
    for number in range(rounds):
        for features in sides if number % 2 else reversed(sides):
            times[number, int(features)] = seconds(workspace, features)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="a folder of JPEG photographs")
    parser.add_argument("--limit", type=int, default=96, help="photographs taken")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    suffixes = (".jpg", ".jpeg")
    files = sorted(path for path in arguments.images.rglob("*") if path.suffix.lower() in suffixes)[: arguments.limit]
    if not files:
        parser.error(f"no JPEG files below {arguments.images}")
    # Every label is 0, and that the models miss it is no news.
    logging.getLogger("reground.tasks.predictions.step").setLevel(logging.ERROR)
    load(MODEL, "auto")
    with tempfile.TemporaryDirectory() as folder:
        workspace = index(Path(folder), files)
        seconds(workspace, features=True)
        times = compare(workspace, arguments.rounds)
    ratios = times[:, 1] / times[:, 0]
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75], axis=0)
    numbers = {
        "images": len(files),
        "rounds": arguments.rounds,
        "features_to_plain": float(middle[0]),
        "low": float(low[0]),
        "high": float(high[0]),
        "wall": float(middle[1]),
        "plain_images_per_s": len(files) / float(np.median(times[:, 0, 1])),
    }
    record("features", numbers, ("torch", "efficientnet-lite-pytorch"))


if __name__ == "__main__":
    main()
