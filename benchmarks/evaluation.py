"""Judging many models on votes with resampled intervals: time and memory, beside a plain loop.

``python -m benchmarks.evaluation [--models 20] [--images 50000] [--resamples 1000]`` makes a workspace
without pictures, of the size of the ReaL votes (half of the images judged, 7.4 labels each), and times the
step from tables to rows in a process of its own on one core. The plain loop does the same resamples of the same
numbers an image at a time, on a small piece; both are timed on that piece, and must agree.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.memory import peak_mib
from benchmarks.record import record
from reground.tasks.evaluation import EvaluationSettings
from reground.tasks.evaluation.reference import reference_labels
from reground.tasks.evaluation.step import photographs
from reground.tasks.images import load_classes
from reground.tasks.kernels.resample import resample
from reground.tasks.schema import arrow_schema
from reground.tasks.votes import POLICY_TABLE, VotePolicy
from reground.tasks.workspace import Output, Workspace

Array = np.ndarray[Any, np.dtype[Any]]
CLASSES, SPREAD, TOP = 1000, 7.43, 5
PIECE = {"images": 500, "labels": 1900, "models": 20, "resamples": 20}


def prepare(folder: Path, images: int, models: int) -> None:
    """Half of the images judged as in ReaL, the others never asked about; models of all strengths."""
    workspace, rng = Workspace(folder / "workspace"), np.random.default_rng(0)
    ids = [f"i{n:06d}" for n in range(images)]
    original = rng.integers(0, CLASSES, images)
    workspace.commit("index", "classes", "0" * 32, Output({"classes": load_classes()}))
    given = pa.table(
        {"image_id": ids, "class_idx": original, "routing": pa.nulls(images, pa.string()), "source": ["made"] * images},
        schema=arrow_schema("original_labels"),
    )
    workspace.commit("made", "original_labels", "0" * 32, Output({"original_labels": given}))
    rows = [truth(rng, i, int(y), n % 2 == 0) for n, (i, y) in enumerate(zip(ids, original, strict=True))]
    workspace.commit("made", "truth", "0" * 32, Output({"truth": rows, POLICY_TABLE: [VotePolicy().row()]}))
    for m in range(models):
        right = rng.random(images) < 0.6 + 0.3 * m / models
        first = np.where(right, original, rng.integers(0, CLASSES, images))
        made = pa.table(
            {
                "set": ["photographs"] * images,
                "image_id": ids,
                "class_idx": ((first[:, None] + np.arange(TOP)) % CLASSES).tolist(),
                "probability": [[0.2] * TOP] * images,
                "original_probability": [None] * images,
                "entropy": [None] * images,
                "recipe": ["made"] * images,
            },
            schema=arrow_schema("predictions"),
        )
        workspace.commit("made", f"m{m:03d}", "0" * 32, Output({f"predictions/m{m:03d}": made}))


def truth(rng: np.random.Generator, image_id: str, original: int, asked: bool) -> dict[str, Any]:
    labels = [original, *(original + rng.choice(np.arange(1, CLASSES), rng.poisson(SPREAD - 1), False)) % CLASSES]
    confidence = np.append(rng.beta(3, 0.5), rng.beta(0.1, 1.0, len(labels) - 1)) if asked else np.zeros(0)
    judged = sorted(zip(-confidence, labels, strict=True)) if asked else []
    kept = [int(label) for less, label in judged if -less >= 0.8] if asked else None
    return {
        "image_id": image_id,
        "original": original,
        "state": "settled" if asked else "unreviewed",
        "outcome": ("extended" if kept else "empty") if asked else None,
        "labels": kept,
        "undecided": [],
        "decided": [],
        "judged": [int(label) for _, label in judged],
        "confidence": [float(-less) for less, _ in judged],
        "shown": [5] * len(judged),
        "main_label": kept[0] if kept else None,
        "main_tied": False,
        "num_objects": int(rng.integers(1, 4)) if asked else None,
        "num_objects_tied": False,
        "objects": [],
        "isolated": [],
        "votes": 5 * len(judged),
        "sources": ["made"] if asked else [],
        "vote_fingerprint": "",
        "routing": "several" if asked else "unreviewed",
        "method": "dawid-skene",
    }


def inside(folder: Path, models: int, resamples: int) -> None:
    """The step in this process, pinned to one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    workspace = Workspace(folder / "workspace")
    begun = time.perf_counter()
    made = photographs(
        workspace,
        EvaluationSettings(resamples=resamples),
        [f"m{m:03d}" for m in range(models)],
        reference_labels(workspace),
    )
    seconds = time.perf_counter() - begun
    rows = {table: len(found) for table, found in made.tables.items()}
    print(json.dumps({"seconds": seconds, "peak_mib": peak_mib(), **rows}))


def apart(folder: Path, models: int, resamples: int) -> dict[str, Any]:
    one_core = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    command = [sys.executable, "-m", "benchmarks.evaluation", "--inside", str(folder), str(models), str(resamples)]
    made = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **one_core})
    return json.loads(made.stdout.splitlines()[-1])


def piece() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    image = np.sort(np.append(np.arange(PIECE["images"]), rng.integers(0, PIECE["images"], PIECE["labels"])))
    _, first = np.unique(image, return_index=True)
    selected = np.zeros((len(image), PIECE["models"]), np.float32)
    for m in range(PIECE["models"]):
        selected[first + (rng.random(len(first)) < 0.3), m] = 1
    return {
        "part": np.zeros(PIECE["images"], np.int64),
        "image": image,
        "probability": rng.beta(0.3, 0.3, len(image)).astype(np.float32),
        "selected": selected,
        "fixed": np.zeros((PIECE["images"], 0), np.float32),
    }


def plain_loop(made: dict[str, Any], resamples: int, seed: int) -> Array:
    """Hits of every model in each resample, one image at a time."""
    rng = np.random.default_rng(seed)
    weights = rng.poisson(1.0, (resamples, len(made["part"]))).tolist()
    draws = (rng.random((resamples, len(made["image"])), np.float32) < made["probability"]).tolist()
    models = range(made["selected"].shape[1])
    labels: list[list[int]] = [[] for _ in made["part"]]
    for label, image in enumerate(made["image"].tolist()):
        labels[image].append(label)
    choice = [{m for m in models if made["selected"][label, m]} for label in range(len(made["image"]))]
    hits = np.zeros((resamples, len(models)))
    for r in range(resamples):
        for image, mine in enumerate(labels):
            for label in mine:
                if draws[r][label]:
                    for m in choice[label]:
                        hits[r, m] += weights[r][image]
    return hits


def beside_a_loop() -> dict[str, float]:
    """Seconds of both on the same piece, which must agree to the last image."""
    made = piece()
    begun = time.perf_counter()
    ours = resample(**made, resamples=PIECE["resamples"], seed=0)
    between = time.perf_counter()
    hits = plain_loop(made, PIECE["resamples"], 0)
    ended = time.perf_counter()
    np.testing.assert_array_equal(ours.hits[0], hits)
    return {"piece_seconds": between - begun, "loop_seconds": ended - between}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--inside", nargs=3, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.inside:
        folder, models, resamples = told.inside
        inside(Path(folder), int(models), int(resamples))
        return
    with tempfile.TemporaryDirectory() as temporary:
        prepare(Path(temporary), told.images, told.models)
        found = apart(Path(temporary), told.models, told.resamples)
    loop = beside_a_loop()
    numbers = {
        "models": told.models,
        "images": told.images,
        "resamples": told.resamples,
        "seconds": found["seconds"],
        "peak_mib": found["peak_mib"],
        "rows": found["evaluation"] + found["comparison"],
        **loop,
        "ratio": loop["loop_seconds"] / loop["piece_seconds"],
    }
    record("evaluation", numbers, ("numpy", "scipy", "pyarrow"))


if __name__ == "__main__":
    main()
