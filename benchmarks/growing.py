"""One photograph added: what is made again, and what it costs against the whole run.

``python -m benchmarks.growing --images FOLDER --boxes FOLDER [--times 10]`` with ImageNet-like class folders. The
images and their box files are linked under new names, ``times`` over, and all but one are run through index, masks,
variants and predict (the photographs alone, one model); then the last one, which has a box, is added and the same steps
run again. Seconds are of the processor, so the ratio holds on a busy machine.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.memory import SETTINGS, Silent, link
from benchmarks.record import record
from reground.flows.run import Runner, run_step
from reground.flows.steps import find
from reground.tasks.workspace import StepPlan, Workspace

STEPS = ("index", "masks", "variants", "predict")


def run(folder: Path, steps: Sequence[str]) -> dict[str, tuple[StepPlan, float]]:
    """Each step's plan and the processor seconds that it took."""
    workspace, runner = Workspace(folder / "workspace"), Runner("threads", os.cpu_count() or 1)
    results: dict[str, tuple[StepPlan, float]] = {}
    for name in steps:
        told = SETTINGS.get(name, {})
        if name == "index":
            told = {"images": str(folder / "images"), "boxes": str(folder / "boxes")}
        before = time.process_time()
        plan = run_step(name, workspace, find(name).settings(**told), runner, Silent())
        results[name] = plan, time.process_time() - before
    return results


def fresh_images(plan: StepPlan) -> int:
    """Images that a step works on; the rows of the others come from an earlier shard."""
    return sum(shard.size if shard.fresh is None else shard.fresh for shard in plan.missing)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="class folders of photographs")
    parser.add_argument("--boxes", type=Path, required=True, help="their box XML")
    parser.add_argument("--times", type=int, default=10, help="links to each photograph")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS, help="in order; all by default")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        count = link(told.images, folder / "images", (".jpeg", ".jpg", ".png"), told.times)
        link(told.boxes, folder / "boxes", (".xml",), told.times)
        boxed = {path.stem for path in (folder / "boxes").rglob("*.xml")}
        added = next(path for path in sorted((folder / "images").rglob("*")) if path.stem in boxed)
        added.rename(folder / added.name)
        whole = run(folder, told.steps)
        (folder / added.name).rename(added)
        again = run(folder, told.steps)
    for name in told.steps:
        (before, seconds), (plan, seconds_again) = whole[name], again[name]
        numbers = {
            "step": name,
            "photographs": count,
            "shards": len(plan.shards),
            "shards_again": len(plan.missing),
            "images": fresh_images(before),
            "images_again": fresh_images(plan),
            "whole_s": seconds,
            "again_s": seconds_again,
            "ratio": seconds_again / seconds,
        }
        record("growing", numbers, ("pillow", "pyarrow", "torch"))


if __name__ == "__main__":
    main()
