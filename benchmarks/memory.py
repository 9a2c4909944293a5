"""Is the peak memory of a step flat in the number of images?

``python -m benchmarks.memory [STEP ...] --images FOLDER --boxes FOLDER`` with ImageNet-like class
folders; the steps are index, variants (its masks included) and predict, all three by default.
The images and their box files are linked under new names, once and ten times over; each
measurement is a process of its own, after the steps before it have run in others.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.record import record
from reground.flows.run import Runner, run_step
from reground.flows.steps import find
from reground.tasks.cores import cores
from reground.tasks.workspace import Workspace

TIMES = (1, 10)
NEEDS = {"index": ("index",), "variants": ("index", "masks", "variants"), "predict": ("index", "predict")}
"""What is measured -> the steps up to it, in order."""
APART = {"index": ("index",), "variants": ("masks", "variants"), "predict": ("predict",)}
"""What is measured -> the steps that run in the measured process."""
SETTINGS = {
    "masks": {"iterations": 1},  # of GrabCut: more take longer, not more memory
    "predict": {"models": ("efficientnet-lite0",), "on": ("photographs",)},
}


class Silent:
    def start(self, step: str, total: int, done: int) -> None: ...
    def advance(self, step: str, count: int) -> None: ...
    def end(self, step: str, note: str) -> None: ...


def link(source: Path, target: Path, suffixes: Sequence[str], times: int) -> int:
    """Link the files below ``source`` below ``target``, ``times`` over, each time under new stems."""
    files = [path for path in source.absolute().rglob("*") if path.suffix.lower() in suffixes]
    for path in files:
        folder = target / path.parent.relative_to(source.absolute())
        folder.mkdir(parents=True, exist_ok=True)
        for time in range(times):
            (folder / f"{path.stem}_{time}{path.suffix}").symlink_to(path)
    return len(files) * times


def run(steps: Sequence[str], folder: Path) -> None:
    workspace = Workspace(folder / "workspace")
    for name in steps:
        told = SETTINGS.get(name, {})
        if name == "index":
            told = {"images": str(folder / "images"), "boxes": str(folder / "boxes")}
        run_step(name, workspace, find(name).settings(**told), Runner("threads", cores()), Silent())


def peak_mib() -> float:
    """Peak resident memory of this process, MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent had before the exec
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)


def apart(steps: Sequence[str], folder: Path) -> float:
    """Run steps in a fresh process; its peak resident memory, MiB."""
    command = [sys.executable, "-m", "benchmarks.memory", "--inside", str(folder), *steps]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def measure(name: str, images: Path, boxes: Path, times: int) -> tuple[int, float]:
    """How many images a step saw, and its peak resident memory, MiB."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        count = link(images, folder / "images", (".jpeg", ".jpg", ".png"), times)
        link(boxes, folder / "boxes", (".xml",), times)
        before = [step for step in NEEDS[name] if step not in APART[name]]
        if before:
            apart(before, folder)
        return count, apart(APART[name], folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="*", help=f"of {', '.join(NEEDS)}; default: all")
    parser.add_argument("--images", type=Path, help="class folders of photographs")
    parser.add_argument("--boxes", type=Path, help="their box XML")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.inside:
        run(told.steps, told.inside)
        print(peak_mib())
        return
    if not (told.images and told.boxes) or not set(told.steps) <= NEEDS.keys():
        parser.error(f"expected --images, --boxes and steps of {', '.join(NEEDS)}")
    for name in told.steps or NEEDS:
        (few, small), (many, large) = (measure(name, told.images, told.boxes, times) for times in TIMES)
        numbers = {"step": name, "images": few, "peak_mib": small, "images_more": many, "peak_mib_more": large}
        record("memory", {**numbers, "ratio": large / small}, ("pillow", "pyarrow", "torch"))


if __name__ == "__main__":
    main()
