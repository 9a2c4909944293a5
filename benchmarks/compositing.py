"""What compositing on the device costs on top of the forward passes alone.

``python -m benchmarks.compositing [--models efficientnet-lite0,...]``. Both sides make the same answers of as many
batches of the same shape: one from positions of uint8 foregrounds and backgrounds (pasted, preprocessed,
classified), the other from tensors that are ready. Their rounds take turns; the ratio is that of the best
rounds, beside it the median of the ratios of neighbouring rounds, which one disturbed round does not move.
``composing_to_forward`` is the time of pasting and preprocessing alone over that of the forward passes: a few
hundredths, which the noise of the passes themselves would hide.

A model is a name of `reground.tasks.models`, or ``random:NAME`` for an architecture of torchvision with random weights:
the default on a GPU, where the passes are bfloat16 and compiled, and float32 passes as they come stand beside.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torchvision

from benchmarks.record import record
from reground.tasks import models
from reground.tasks.adversarial.step import BATCH
from reground.tasks.models.compositor import PRECISIONS, Compositor, Foregrounds
from reground.tasks.models.network import Network, choose_device, reproducible_convolutions
from reground.tasks.models.preprocessing import normalize, spec

SIDE, PICTURES = 224, 64
DEFAULT = {"cpu": "efficientnet-lite0", "cuda": "random:resnet50,random:vit_b_16"}


def network(name: str) -> Network:
    """A model of the house, or an architecture with random weights and ImageNet's preprocessing."""
    family, _, architecture = name.partition(":")
    if family != "random":
        found = models.load(name, "auto")
        assert isinstance(found, Network)
        return found
    torch.manual_seed(0)
    module = torchvision.models.get_model(architecture, weights=None)
    square = spec(
        "decode",
        f"resize({SIDE}, bilinear)",
        "value_range(0, 1)",
        normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    )
    return Network(name, module, "random", 1000, (), square, square, "auto")


def compositor(net: Network, precision: str, batch: int) -> Compositor:
    backgrounds = np.random.default_rng(0).integers(0, 256, (PICTURES, SIDE, SIDE, 3), np.uint8)
    return Compositor(net, backgrounds, np.arange(1000) % 9, batch, precision)


def scene(compositor: Compositor, batches: int) -> tuple[Foregrounds, np.ndarray]:
    """Foregrounds on the device, and ``(batches, 2, N)`` positions of foregrounds and backgrounds."""
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (PICTURES, SIDE, SIDE, 3), np.uint8)
    masks = rng.random((PICTURES, SIDE, SIDE)) < 0.5
    shown = compositor.stage(pixels, masks, rng.integers(0, 9, PICTURES))
    return shown, rng.integers(0, PICTURES, (batches, 2, compositor.batch))


def composed(compositor: Compositor, batches: int) -> Callable[[], None]:
    """The whole: pasting, preprocessing, the network."""
    shown, pairs = scene(compositor, batches)

    def run() -> None:
        answers = [compositor.submit(shown, foreground, background) for foreground, background in pairs]
        for answer in answers:
            answer()

    return run


def composing(compositor: Compositor, batches: int) -> Callable[[], None]:
    """What stands before the network alone: pasting and preprocessing."""
    shown, pairs = scene(compositor, batches)
    positions = torch.from_numpy(pairs).to(compositor.network.device)

    def run() -> None:
        with torch.inference_mode():
            made = [compositor.inputs(shown, f, b).sum() for f, b in positions]
        torch.stack(made).cpu()

    return run


def forward(compositor: Compositor, batches: int) -> Callable[[], None]:
    """The same module on ready tensors, and the best of its outputs."""
    net, dtype = compositor.network, PRECISIONS[compositor.precision]
    inputs = torch.randn(compositor.batch, 3, SIDE, SIDE, device=net.device)
    inputs = inputs.contiguous(memory_format=torch.channels_last)

    def run() -> None:
        with (
            torch.inference_mode(),
            reproducible_convolutions(),
            torch.autocast(net.device.type, dtype, enabled=dtype is not None),
        ):
            made = [compositor.module(inputs).max(dim=1).indices for _ in range(batches)]
        torch.cat(made).cpu()

    return run


def seconds(run: Callable[[], None]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def measured(sides: Sequence[Callable[[], None]], rounds: int) -> list[list[float]]:
    for run in sides:
        run()
    return [[seconds(run) for run in sides] for _ in range(rounds)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", help=f"comma-separated; default: {DEFAULT}")
    parser.add_argument("--batches", type=int, default=0, help="in a round; default: 8, on a GPU 50")
    parser.add_argument("--rounds", type=int, default=7)
    told = parser.parse_args()
    device = choose_device("auto").type
    batches, batch = told.batches or {"cpu": 8, "cuda": 50}[device], BATCH[device]
    for name in (told.models or DEFAULT[device]).split(","):
        net = network(name)
        used, exactly = (compositor(net, precision, batch) for precision in ("auto", "float32"))
        exactly.module = net.module
        sides = [run(used, batches) for run in (composed, forward, composing)] + [forward(exactly, batches)]
        rounds = measured(sides, told.rounds)
        best = [min(column) for column in zip(*rounds, strict=True)]
        images = batch * batches
        numbers = {
            "device": device,
            "model": name,
            "precision": used.precision,
            "compiled": used.compiled,
            "batch": batch,
            "composed_per_s": images / best[0],
            "forward_per_s": images / best[1],
            "plain_float32_per_s": images / best[3],
            "composed_to_forward": best[1] / best[0],
            "composing_to_forward": best[2] / best[1],
            "median_composed_to_forward": statistics.median(one[1] / one[0] for one in rounds),
        }
        record("compositing", numbers, ("torch", "torchvision"))


if __name__ == "__main__":
    main()
