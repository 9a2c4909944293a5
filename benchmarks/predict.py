"""How near the step `predict` comes to the bare work, and what two habits of inference are worth.

``channels_last_to_plain``: the layout. ``kept_to_returned``: keeping freed memory in the process
(`reground.tasks.models.allocator`), each side in a process of its own, at batches of 32.

``python -m benchmarks.predict --images FOLDER [--limit 256]``; each number is the best of the rounds,
the rounds of the two sides take turns.
"""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from benchmarks.record import record
from reground.flows.run import Runner, run_step
from reground.tasks import models
from reground.tasks.cores import cores
from reground.tasks.images import load_classes, load_rgb
from reground.tasks.models.network import Network, choose_device
from reground.tasks.predictions import PredictionSettings
from reground.tasks.schema import PHOTOGRAPHS
from reground.tasks.workspace import Output, Workspace

MODEL = "efficientnet-lite0"
SHARD = 64
BARE = {"cpu": 8, "cuda": 128}[choose_device("auto").type]
"""Batch of the other side: larger ones are no faster."""
FORWARD = """
import sys, time, numpy as np
from reground.tasks.models import network, load
if sys.argv[1] == "returned": network.keep_memory = lambda: False
model, batch = load("efficientnet-lite0", "auto"), np.zeros((32, 3, 224, 224), np.float32)
seconds = []
for _ in range(6):
    began = time.perf_counter()
    model.predict(batch)
    seconds.append(time.perf_counter() - began)
print(min(seconds))
"""


class Silent:
    def start(self, step: str, total: int, done: int) -> None: ...
    def advance(self, step: str, by: int) -> None: ...
    def end(self, step: str, note: str) -> None: ...


def index(folder: Path, files: Sequence[Path]) -> Workspace:
    workspace = Workspace(folder)
    workspace.commit("index", "classes", "0" * 32, Output({"classes": load_classes()}))
    for start in range(0, len(files), SHARD):
        rows = [
            {
                "image_id": f"{start + number:08d}", "uri": str(file), "class_idx": 0, "wnid": "n01440764",
                "width": 0, "height": 0, "mode": "RGB", "sha256": "", "boxes": [], "split": "val",
            }
            for number, file in enumerate(files[start : start + SHARD])
        ]  # fmt: skip
        workspace.commit("index", f"{start:08d}", "0" * 32, Output({"images": rows}))
    return workspace


def step(workspace: Workspace) -> None:
    workspace.retire("predict", ())
    settings = PredictionSettings(models=(MODEL,), on=(PHOTOGRAPHS,))
    run_step("predict", workspace, settings, Runner("threads", cores()), Silent())


def bare(files: Sequence[Path]) -> None:
    """Batches of `BARE`, decoded by threads and classified with torch's own threads."""
    model = models.load(MODEL, "auto")
    assert isinstance(model, Network)
    torch.set_num_threads(cores())
    with ThreadPoolExecutor(cores()) as pool, torch.inference_mode():
        for start in range(0, len(files), BARE):
            made = pool.map(lambda file: model.photograph(load_rgb(str(file))), files[start : start + BARE])
            inputs = torch.from_numpy(np.stack(list(made))).to(model.device)
            model.module(inputs.contiguous(memory_format=torch.channels_last)).softmax(dim=1).cpu().numpy()


def forward(layout: torch.memory_format, batches: int = 4) -> Callable[[], None]:
    model = models.load(MODEL, "auto")
    assert isinstance(model, Network)
    inputs = torch.zeros(BARE, 3, 224, 224, device=model.device).contiguous(memory_format=layout)

    def run() -> None:
        module = model.module.to(memory_format=layout)  # type: ignore[call-overload]
        with torch.inference_mode():
            for _ in range(batches):
                module(inputs)
        if model.device.type == "cuda":
            torch.cuda.synchronize()

    return run


def alone(memory: str) -> float:
    done = subprocess.run([sys.executable, "-c", FORWARD, memory], check=True, capture_output=True, text=True)
    return float(done.stdout)


def best(sides: Sequence[Callable[[], None]], rounds: int) -> list[float]:
    seconds = [[0.0] * len(sides) for _ in range(rounds)]
    for round_ in seconds:
        for side, run in enumerate(sides):
            started = time.perf_counter()
            run()
            round_[side] = time.perf_counter() - started
    return [min(column) for column in zip(*seconds, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="a folder of JPEG photographs")
    parser.add_argument("--limit", type=int, default=256, help="photographs taken")
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    files = sorted(path for path in told.images.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))[: told.limit]
    if not files:
        parser.error(f"no JPEG files below {told.images}")
    # Every label is 0, and that the models miss it is no news.
    logging.getLogger("reground.tasks.predictions.step").setLevel(logging.ERROR)
    bare(files[:BARE])
    with tempfile.TemporaryDirectory() as folder:
        workspace = index(Path(folder), files)
        of_step, of_bare = best([lambda: step(workspace), lambda: bare(files)], told.rounds)
    plain, last = best([forward(torch.contiguous_format), forward(torch.channels_last)], told.rounds)
    numbers = {
        "device": choose_device("auto").type,
        "images": len(files),
        "step_images_per_s": len(files) / of_step,
        "bare_images_per_s": len(files) / of_bare,
        "step_to_bare": of_bare / of_step,
        "channels_last_to_plain": plain / last,
        "kept_to_returned": alone("returned") / alone("kept"),
    }
    record("predict", numbers, ("torch", "pillow", "efficientnet-lite-pytorch"))


if __name__ == "__main__":
    main()
