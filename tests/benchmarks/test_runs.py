"""Every benchmark runs to its end on a small input and records its figures, so a rename elsewhere cannot break it."""

from __future__ import annotations

import csv
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import benchmarks
from tests.support.loopback import loopback_alone
from tests.support.needs import ROOT, need_chromium, need_label_studio, need_package, need_shared
from tests.support.published_answers import raters
from tests.support.world import make_world

pytestmark = pytest.mark.slow

PAIRS = [(f"ILSVRC2012_val_{number:08d}", number % 7) for number in range(1, 41)]


def photographs(folder: Path) -> list[str]:
    """Photographs in class folders, and their boxes."""
    world = make_world(folder, per_class=2)
    return ["--images", str(world.images), "--boxes", str(world.boxes)]


def photograph_folder(folder: Path) -> list[str]:
    return ["--images", str(make_world(folder, per_class=1).images)]


def jpeg_files(folder: Path) -> list[str]:
    for path in make_world(folder, per_class=1).images.rglob("*.png"):
        Image.open(path).save(path.with_suffix(".jpeg"))
    return ["--images", str(folder / "images")]


def jpeg_files_in_groups(folder: Path) -> list[str]:
    """Dogs are group 0, birds group 1, all others group 2."""
    groups = {label: 0 if 151 <= label <= 268 else 1 if label < 151 else 2 for label in range(1000)}
    (folder / "groups.json").write_text(json.dumps(groups))
    return [*jpeg_files(folder), "--groups", str(folder / "groups.json")]


def photographs_and_masks(folder: Path) -> list[str]:
    world = make_world(folder, per_class=2)
    (folder / "masks").mkdir()
    for image_id, mask in world.masks.items():
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"{image_id}.png")
    return ["--images", str(world.images), "--boxes", str(world.boxes), "--masks", str(folder / "masks")]


def answers(folder: Path) -> list[str]:
    """ReaL's file of answers: five raters, of whom one contradicts and one is not sure."""
    truth = ["yes" if number % 2 else "no" for number in range(len(PAIRS))]
    contrary = ["no" if answer == "yes" else "yes" for answer in truth]
    raters(folder / "raters.npz", [truth] * 3 + [contrary, ["maybe"] * len(PAIRS)], PAIRS)
    return ["--data", str(folder)]


def answers_and_predictions(folder: Path) -> list[str]:
    """The same, and the files of label-errors: the model's answer is the label where raters say yes."""
    errors = folder / "errors"
    for name in ("dataset_indexing", "cross_validated_predicted_labels", "original_test_labels"):
        (errors / name).mkdir(parents=True)
    files = [f"val/n01440764/{image_id}.JPEG" for image_id, _ in PAIRS]
    (errors / "dataset_indexing" / "imagenet_val_set_index_to_filepath.json").write_text(json.dumps(files))
    labels = np.array([label for _, label in PAIRS])
    predicted = np.where(np.arange(len(PAIRS)) % 2, labels, labels + 10)
    np.save(errors / "original_test_labels" / "imagenet_val_set_original_labels.npy", labels)
    name = "imagenet_val_set_pyx_argmax_predicted_labels.npy"
    np.save(errors / "cross_validated_predicted_labels" / name, predicted)
    return [*answers(folder), "--errors", str(errors)]


def releases(_: Path) -> list[str]:
    return ["--data", str(need_shared("reassessed-imagenet").parent)]


def reassessed(_: Path) -> list[str]:
    return ["--data", str(need_shared("reassessed-imagenet"))]


def nothing(_: Path) -> list[str]:
    return []


RUNS: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "adversarial": (photographs, "--limit 7 --rounds 1"),
    "aggregation": (answers, ""),
    "compositing": (nothing, "--batches 1 --rounds 1"),
    "features": (jpeg_files, "--limit 4 --rounds 1"),
    "evaluation": (nothing, "--models 2 --images 400 --resamples 20"),
    "generator": (photographs, "--limit 4 --rounds 1"),
    "growing": (photographs, "--times 2"),
    "help": (nothing, "--repeats 1"),
    "joint_truth": (reassessed, ""),
    "joint_truth_parts": (releases, ""),
    "large_set": (nothing, "--images 200"),
    "manifest": (nothing, "--entries 200"),
    "mask_quality": (photographs_and_masks, ""),
    "masks": (photographs_and_masks, ""),
    "suspect_bridges": (jpeg_files, "--chains 1 --blends 3 --synthetic 300"),
    "suspect_duplicates": (jpeg_files, "--copies 1"),
    "suspect_labels": (jpeg_files, "--flips 2 --draws 1 --synthetic 300"),
    "suspect_poison": (jpeg_files_in_groups, "--draws 1 --seeds 1"),
    "memory": (photographs, "index"),
    "needs_vote": (answers_and_predictions, ""),
    "object_store": (photographs, "--entries 200"),
    "oversubscription": (nothing, "--images 1 --rounds 1 --neighbours 1"),
    "predict": (jpeg_files, "--limit 8 --rounds 1"),
    "prefect_overhead": (photographs, "--rounds 0 -- --models efficientnet-lite0"),
    "ray": (photograph_folder, "--times 1 --shard-size 2 --rounds 1"),
    "reference_truth": (releases, ""),
    "review": (nothing, "--tasks 20 --batch 10"),
    "review_screen": (nothing, "--times 1"),
    "structure": (nothing, ""),
    "suspect_vectors": (nothing, "--images 300 --features 16 --queries 0 --classes 4 --rounds 1"),
    "variants": (photographs, "--limit 4 --rounds 1"),
}
LONG = (
    "joint_truth_parts",
    "large_set",
    "object_store",
    "predict",
    "prefect_overhead",
    "ray",
    "reference_truth",
    "review",
    "review_screen",
)
NEEDS = {"review": need_label_studio, "review_screen": need_label_studio}
PACKAGES = {"aggregation": ("crowdkit",), "ray": ("ray",), "suspect_labels": ("cleanlab",)}
APART = {"model_outputs", "record", "structure_imports"}
"""What no benchmark is, but a part of some."""


def test_each_benchmark_is_run_here() -> None:
    assert set(RUNS) | APART == {module.name for module in pkgutil.iter_modules(benchmarks.__path__)}


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long if name in LONG else ()) for name in RUNS])
def test_a_benchmark_runs_to_its_end(name: str, tmp_path: Path) -> None:
    NEEDS.get(name, lambda: None)()
    if name == "review_screen":
        need_chromium()
    for package in PACKAGES.get(name, ()):
        need_package(package)
    inputs, options = RUNS[name]
    results = tmp_path / "results"
    command = [sys.executable, "-m", f"benchmarks.{name}", *inputs(tmp_path), *options.split()]
    environment = {**os.environ, "BENCHMARK_RESULTS": str(results)}
    with loopback_alone() if name == "ray" else nullcontext():
        run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    with (results / f"{name}.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows and all(row["date"] for row in rows)
