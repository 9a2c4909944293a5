"""What a command costs with many images: memory and seconds of the plans, of a few shards, and of the whole of a step.

    python -m benchmarks.large_set [--images 5000 50000 1000000]

The workspace is synthetic: tables as ``index``, ``masks`` and ``predict`` write them (shards of 64, two models), all
rows of one photograph of 64 x 64 pixels. Each measurement is a process of its own; ``open`` only opens the workspace.
Of a step whose work is by shard, ``make`` makes the first shards.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from PIL import Image

from benchmarks.memory import peak_mib
from benchmarks.record import record
from reground.flows.steps import find
from reground.tasks.images import load_classes
from reground.tasks.masks import encode_mask
from reground.tasks.schema import arrow_schema
from reground.tasks.workspace import Entry, Output, Workspace, finish, make_shard, partition, todo

SIZES: Final = (5_000, 50_000, 1_000_000)
SHARD_SIZE, CLASSES, TOP = 64, 1000, 5
MODELS: Final = ("efficientnet-lite0", "efficientnet-lite1")
BOX: Final = {"xmin": 8, "ymin": 8, "xmax": 56, "ymax": 56}
FIRST: Final = 8
"""Shards made of a step whose work is by shard."""
BY_SHARD: Final = ("masks", "variants", "predict", "candidates")
WHOLE: Final = ("truth", "evaluate")
SETTINGS: Final = {
    "predict": {"models": MODELS[:1], "on": ("photographs",), "device": "cpu"},
    "masks": {"iterations": 1},
}
PLANS: Final = ("masks", "variants", "predict", "candidates", "truth", "evaluate", "report")


def fill(folder: Path, images: int) -> None:
    """A workspace as after ``index`` and ``predict``."""
    workspace = Workspace(folder / "workspace")
    picture = folder / "picture.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(picture)
    ids = [f"ILSVRC2012_val_{number:08d}" for number in range(images)]
    labels = np.random.default_rng(1).integers(0, CLASSES, images)
    square = np.zeros((64, 64), np.bool_)
    square[16:48, 16:48] = True
    rle = encode_mask(square)
    with workspace.lock("benchmark"):
        workspace.commit("index", "classes", "0" * 32, Output({"classes": load_classes()}))
        for name, positions in partition(ids, SHARD_SIZE).items():
            some, labels_of_some = [ids[position] for position in positions], labels[positions]
            workspace.add([_index(workspace, name, some, labels_of_some, picture)])
            workspace.add([_masks(workspace, name, some, rle)])
            workspace.add([_predict(workspace, model, name, some, labels_of_some) for model in MODELS])


@functools.cache
def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _index(workspace: Workspace, name: str, ids: list[str], labels: np.ndarray, picture: Path) -> Entry:
    n = len(ids)
    columns = {
        "image_id": ids,
        "uri": [str(picture)] * n,
        "class_idx": labels,
        "wnid": ["n00000000"] * n,
        "width": [64] * n,
        "height": [64] * n,
        "mode": ["RGB"] * n,
        "sha256": [digest_of(picture)] * n,
        "boxes": [[BOX]] * n,
        "split": ["val"] * n,
    }
    rows = pa.table(columns, schema=arrow_schema("images"))
    return workspace.write("index", name, "0" * 32, Output({"images": rows}))


def _masks(workspace: Workspace, name: str, ids: list[str], rle: str) -> Entry:
    common = {"method": "box", "rle": rle, "width": 64, "height": 64, "box": BOX, "area_ratio": 0.25, "quality": 0.9}
    rows = [{"image_id": image_id, **common, "quarantine": None, "seed": 0} for image_id in ids]
    return workspace.write("masks", name, "0" * 32, Output({"masks": rows}))


def _predict(workspace: Workspace, model: str, name: str, ids: list[str], labels: np.ndarray) -> Entry:
    n = len(ids)
    columns = {
        "set": ["photographs"] * n,
        "image_id": ids,
        "class_idx": ((labels[:, None] + np.arange(TOP)) % CLASSES).tolist(),
        "probability": [[0.5, 0.2, 0.1, 0.05, 0.01]] * n,
        "original_probability": [None] * n,
        "entropy": [None] * n,
        "recipe": ["{}"] * n,
    }
    rows = pa.table(columns, schema=arrow_schema("predictions"))
    return workspace.write("predict", f"{model}.photographs.{name}", "0" * 32, Output({f"predictions/{model}": rows}))


def inside(folder: Path, what: str, step_name: str) -> dict[str, float]:
    """In this process: open the workspace, plan a step, or make shards of it."""
    workspace = Workspace(folder / "workspace")
    began = time.perf_counter()
    snapshot = workspace.snapshot()
    snapshot.count("images")
    if what == "open":
        return {"seconds": time.perf_counter() - began, "peak_mib": peak_mib()}
    step = find(step_name)
    settings = step.settings(**SETTINGS.get(step_name, {}))
    plan = todo(step, snapshot, settings)
    if what == "plan":
        return {"seconds": time.perf_counter() - began, "peak_mib": peak_mib(), "shards": len(plan.shards)}
    shards = plan.shards if step_name in WHOLE else plan.shards[:FIRST]
    with workspace.lock("benchmark"):
        workspace.add([make_shard(step, workspace, settings, shard) for shard in shards])
        if step_name in WHOLE:
            finish(step, workspace, plan)
    return {"seconds": time.perf_counter() - began, "peak_mib": peak_mib(), "shards": len(shards)}


def apart(folder: Path, what: str, step_name: str = "") -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.large_set", "--inside", str(folder), what, step_name]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(run.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=SIZES, help="sizes of the set")
    parser.add_argument("--inside", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        folder, what, step_name = options.inside
        print(json.dumps(inside(Path(folder), what, step_name)))
        return
    cases = [("open", ""), *(("plan", name) for name in PLANS), *(("make", name) for name in (*BY_SHARD, *WHOLE))]
    for images in options.images:
        with tempfile.TemporaryDirectory() as temporary:
            fill(Path(temporary), images)
            for what, name in cases:
                numbers = {"shards": 0, **apart(Path(temporary), what, name)}
                row = {"images": images, "what": f"{what} {name}".strip(), **dict(sorted(numbers.items()))}
                record("large_set", row, ("pyarrow", "torch"))


if __name__ == "__main__":
    main()
