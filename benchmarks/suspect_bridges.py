"""Blends planted between photographs: how many are found, how many others are, and processor seconds.

``python -m benchmarks.suspect_bridges --images FOLDER [--chains 8] [--blends 12] [--synthetic 50000]`` with class
folders of JPEG files. A chain is ``blends`` pictures ``(1 - a) x + a y`` of two photographs at 224 x 224 pixels, with
the density of ``a`` proportional to ``1.5 - a`` (Carlini 2021, arXiv 2105.01622); both photographs are in the set as
they are. One row for blends in PNG, one for JPEG of quality 75.

- ``recall``: share of the blends that are flagged; ``copies``: share that is within 2 % of an end, a near copy of it
  that is no bridge; ``false``: photographs that are flagged; ``ends``: share of the flagged blends whose related pair
  is the two photographs, or a blend within 2 % of one.
- ``seconds``: processor seconds of the kind after `facts`; ``synthetic_s`` and ``peak_mib`` those of its kernel on
  ``synthetic`` vectors of 576 numbers.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmarks.memory import Silent
from benchmarks.record import record
from benchmarks.suspect_vectors import peak_mib
from reground.flows.run import Runner, run_step
from reground.tasks.facts import FactSettings
from reground.tasks.images import IndexSettings, load_rgb
from reground.tasks.kernels.collinear import between_neighbours
from reground.tasks.suspects import SuspectSettings, method
from reground.tasks.workspace import Workspace

SIDE = 224
COPY = 0.02
"""Share up to which a blend is a near copy of an end."""


def plant(source: Path, folder: Path, chains: int, blends: int, quality: int) -> dict[str, tuple[str, str, float]]:
    """Photographs and blends below ``folder``; stem of each blend -> (first end, second end, share of the second)."""
    files = sorted(path for path in source.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    rng = random.Random(0)
    for file in files:
        (folder / file.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder / file.parent.name / file.name)
    planted: dict[str, tuple[str, str, float]] = {}
    for chain in range(chains):
        first, second = rng.sample(files, 2)
        ends = [cv2.resize(load_rgb(str(file)), (SIDE, SIDE), interpolation=cv2.INTER_AREA) for file in (first, second)]
        for number in range(blends):
            share = 1.5 - (2.25 - 2 * rng.random()) ** 0.5
            stem = f"blend_{chain:02d}_{number:03d}"
            blend = Image.fromarray(np.rint((1 - share) * ends[0] + share * ends[1]).astype(np.uint8))
            target = folder / first.parent.name / stem
            if quality:
                blend.save(target.with_suffix(".jpg"), quality=quality)
            else:
                blend.save(target.with_suffix(".png"))
            planted[stem] = first.stem, second.stem, share
    return planted


def measure(folder: Path, planted: dict[str, tuple[str, str, float]]) -> dict[str, float]:
    workspace, runner = Workspace(folder / "workspace"), Runner("threads", 1)
    run_step("index", workspace, IndexSettings(images=str(folder / "images")), runner, Silent())
    run_step("facts", workspace, FactSettings(), runner, Silent())
    start = time.process_time()
    suspects = method("bridge").find(workspace, SuspectSettings())
    seconds = time.process_time() - start
    flagged: dict[str, set[str]] = {str(one.image_id): set(map(str, one.related)) for one in suspects if one.flagged}
    blends = [stem for stem in planted if stem in flagged]

    def same(name: str, end: str) -> bool:
        if name not in planted:
            return name == end
        first, second, share = planted[name]
        return (first if share < COPY else second if share > 1 - COPY else name) == end

    right = [all(any(same(name, end) for name in flagged[stem]) for end in planted[stem][:2]) for stem in blends]
    return {
        "recall": len(blends) / len(planted),
        "copies": sum(not COPY <= share <= 1 - COPY for _, _, share in planted.values()) / len(planted),
        "false": len(flagged) - len(blends),
        "ends": sum(right) / max(1, len(blends)),
        "seconds": seconds,
    }


def synthetic_seconds(count: int) -> float:
    vectors = np.random.default_rng(0).normal(128, 50, (count, 576)).astype(np.float32)
    start = time.process_time()
    between_neighbours(vectors)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="class folders of JPEG files")
    parser.add_argument("--chains", type=int, default=8)
    parser.add_argument("--blends", type=int, default=12)
    parser.add_argument("--synthetic", type=int, default=50_000)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    synthetic = synthetic_seconds(options.synthetic)
    peak = peak_mib()
    for quality in (0, 75):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            planted = plant(options.images, folder / "images", options.chains, options.blends, quality)
            numbers = {
                **{"format": f"jpeg {quality}" if quality else "png", "blends": len(planted)},
                **measure(folder, planted),
                **{"synthetic": options.synthetic, "synthetic_s": synthetic, "peak_mib": peak},
            }
            record("suspect_bridges", numbers, ("pillow", "opencv-python-headless", "numpy"))


if __name__ == "__main__":
    main()
