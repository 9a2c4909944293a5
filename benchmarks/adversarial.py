"""The adversarial verdict against the published script's order of work, on the same pictures and network.

``python -m benchmarks.adversarial --images FOLDER --boxes FOLDER [--limit 54]`` with ImageNet-like class
folders; it makes its own workspace. Published (MadryLab/backgrounds_challenge, challenge_eval.py): one
foreground at a time in file order, every background decoded anew for it, batches of 32 in the plain layout,
float composites, on to the next foreground after the first batch in which one background fools it. Decoding
is handed to as many threads as there are cores, which is kinder than the script's loader. Ours has the time to
decode everything counted in.

Each side has a process of its own: the published one gives freed memory back, as a script does that does not know
`reground.tasks.models.allocator`; beside it stands how fast it is when it keeps it. All give the same verdicts, or
the benchmark fails; their rounds take turns and the best of each counts.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from benchmarks.record import record
from benchmarks.variants import Silent, index
from reground.flows.run import Runner, run_step
from reground.flows.steps import find
from reground.tasks import models
from reground.tasks.adversarial import inputs as inputs_module
from reground.tasks.adversarial.inputs import BACKGROUND, ORIGINAL, SearchInputs
from reground.tasks.adversarial.outcomes import fooled
from reground.tasks.adversarial.search import Searcher
from reground.tasks.adversarial.step import BATCH, ROWS
from reground.tasks.cores import cores
from reground.tasks.images import decode_rgb
from reground.tasks.models import network as models_network
from reground.tasks.models.compositor import Compositor
from reground.tasks.models.network import Network, choose_device, reproducible_convolutions
from reground.tasks.models.on_device import preprocessing_on
from reground.tasks.predictions import output_classes
from reground.tasks.workspace import Workspace

PUBLISHED_BATCH = 32


class Side:
    """A way to come to the verdicts; what it found last."""

    def __init__(self, workspace: Workspace, network: Network) -> None:
        self.workspace, self.network = workspace, network
        self.inputs = inputs_module.input_digests(workspace)
        self.class_of = output_classes(network, workspace.read("classes"))
        self.vulnerable, self.passes = np.zeros(0, np.bool_), 0

    def scene(self) -> SearchInputs:
        inputs_module.load_inputs.cache_clear()
        return inputs_module.load_inputs(self.workspace.url, self.inputs)


class Ours(Side):
    def __init__(self, workspace: Workspace, network: Network, precision: str) -> None:
        super().__init__(workspace, network)
        self.precision = precision

    def __call__(self) -> None:
        scene = self.scene()
        batch = BATCH[self.network.device.type]
        group_of = scene.groups_of(self.class_of)
        compositor = Compositor(self.network, scene.background_pixels, group_of, batch, self.precision)
        shuffled = np.random.default_rng(0).permutation(len(scene.foregrounds))
        earlier: list[tuple[np.ndarray, np.ndarray]] = []
        self.vulnerable, self.passes = np.zeros(len(shuffled), np.bool_), 0
        for start in range(0, len(shuffled), ROWS[False]):
            rows = np.sort(shuffled[start : start + ROWS[False]])
            searcher = Searcher(compositor, self.class_of, scene, rows)
            order = searcher.order(np.arange(len(rows)), start)
            for groups, margins in earlier:
                order.learn(groups, margins)
            searcher.settle(order, np.arange(len(rows)), fooled)
            earlier.append((searcher.outcomes.group, searcher.outcomes.margin))
            self.vulnerable[rows] = order.vulnerable
            self.passes += int(order.passes.sum())


class Published(Side):
    def __init__(self, workspace: Workspace, network: Network) -> None:
        super().__init__(workspace, network)
        self.files = {table: list(self.contents(table)) for table in (ORIGINAL, BACKGROUND)}
        self.normalize, _ = preprocessing_on(
            network.device, network.square.spec, decode_rgb(self.files[ORIGINAL][0]).shape[0]
        )

    def contents(self, table: str) -> Iterator[bytes]:
        for image in self.workspace.read(table, ["image_id", "image"])["image"]:
            yield image["bytes"]

    def __call__(self) -> None:
        scene = self.scene()
        group_of = torch.from_numpy(scene.groups_of(self.class_of))
        self.vulnerable, self.passes = np.zeros(len(scene.foregrounds), np.bool_), 0
        self.network.module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        with ThreadPoolExecutor(cores()) as pool, torch.inference_mode(), reproducible_convolutions():
            for row, group in enumerate(scene.foreground_group.tolist()):
                pixels = torch.tensor(decode_rgb(self.files[ORIGINAL][row])).float()
                mask = torch.from_numpy(scene.masks(np.array([row]))[0]).float()[..., None]
                self.vulnerable[row] = self.fooled(pool, pixels, mask, group_of, group)
        self.network.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def fooled(
        self, pool: ThreadPoolExecutor, pixels: torch.Tensor, mask: torch.Tensor, group_of: torch.Tensor, group: int
    ) -> bool:
        files = self.files[BACKGROUND]
        for start in range(0, len(files), PUBLISHED_BATCH):
            made = self.composites(pool, files[start : start + PUBLISHED_BATCH], pixels, mask)
            self.passes += len(made)
            logits = self.network.module(self.normalize(made.to(self.network.device)).contiguous())
            if (group_of[logits.argmax(1).cpu()] != group).any():
                return True
        return False

    def composites(
        self, pool: ThreadPoolExecutor, files: Sequence[bytes], pixels: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        behind = torch.from_numpy(np.stack(list(pool.map(decode_rgb, files)))).float()
        return behind * (1 - mask) + pixels * mask


def made(folder: Path, images: Path, boxes: Path, limit: int) -> Workspace:
    workspace = index(folder, images, boxes, limit)
    for step in ("masks", "variants"):
        run_step(step, workspace, find(step).settings(), Runner("threads", cores()), Silent())
    return workspace


def give_memory_back() -> None:
    models_network.keep_memory = lambda: False


@functools.cache
def side(kind: str, url: str, model: str, precision: str) -> Ours | Published:
    network = models.load(model, "auto")
    assert isinstance(network, Network)
    return Ours(Workspace(url), network, precision) if kind == "ours" else Published(Workspace(url), network)


def verdicts(kind: str, url: str, model: str, precision: str) -> tuple[float, list[bool], int]:
    """Seconds, verdicts and passes; in a worker."""
    torch.set_num_threads(cores())
    run = side(kind, url, model, precision)
    began = time.perf_counter()
    run()
    return time.perf_counter() - began, run.vulnerable.tolist(), run.passes


def measured(url: str, model: str, precision: str, rounds: int) -> dict[str, tuple[float, list[bool], int]]:
    """The best round of each side, each in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as held:
        pools = {
            name: (held.enter_context(ProcessPoolExecutor(1, spawn, initializer=start)), kind)
            for name, kind, start in (
                ("ours", "ours", None),
                ("published", "published", give_memory_back),
                ("published, memory kept", "published", None),
            )
        }
        made = [
            {name: pool.submit(verdicts, kind, url, model, precision).result() for name, (pool, kind) in pools.items()}
            for _ in range(rounds)
        ]
    return {name: min(round_[name] for round_ in made) for name in pools}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="photographs in class folders")
    parser.add_argument("--boxes", type=Path, required=True, help="their boxes, ImageNet's XML")
    parser.add_argument("--limit", type=int, default=70, help="photographs taken; some are left out of the variants")
    parser.add_argument("--model", default="efficientnet-lite0")
    parser.add_argument(
        "--precision", default="float32", help="ours; the published is float32, and so are its verdicts"
    )
    parser.add_argument("--rounds", type=int, default=2)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = made(Path(folder), told.images, told.boxes, told.limit)
        found = measured(workspace.url, told.model, told.precision, told.rounds)
        backgrounds = sum(part.rows for _, part in workspace.parts(BACKGROUND))
    (seconds, vulnerable, passes), (theirs, same, tried), (kept, again, _) = found.values()
    if not vulnerable == same == again:
        raise SystemExit(f"verdicts differ on {sum(a != b for a, b in zip(vulnerable, same))} foregrounds")
    min_passes = sum(vulnerable) + (len(vulnerable) - sum(vulnerable)) * backgrounds
    numbers = {
        "device": choose_device("auto").type,
        "model": told.model,
        "precision": told.precision,
        "foregrounds": len(vulnerable),
        "backgrounds": backgrounds,
        "vulnerable": sum(vulnerable),
        "seconds": seconds,
        "published_seconds": theirs,
        "times_as_fast": theirs / seconds,
        "times_as_fast_memory_kept": kept / seconds,
        "passes_to_least": passes / min_passes,
        "published_passes_to_least": tried / min_passes,
    }
    record("adversarial", numbers, ("torch", "pillow"))


if __name__ == "__main__":
    main()
