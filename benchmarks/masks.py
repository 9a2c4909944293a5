"""How near masks come to their references, and what they cost: `consensus` beside the paper's GrabCut.

``python -m benchmarks.masks --images FOLDER --boxes FOLDER --masks FOLDER [--limit 40]`` with
photographs, box XML and reference masks (PNG) of the same stems; a photograph whose file has not
exactly one box is left out. One row of results for each of four parts: ``tuned``, every second
photograph by name, on which the constants of `reground.tasks.kernels.consensus` were set; ``held_out``, the
others; ``kept``, those of either that the published filters would keep; and ``all``.

- ``iou_METHOD``: mean intersection over union with the references, of ``native`` (GrabCut as
  published: 5 rounds, from the box, at native size), ``small`` (the same at a short side of 224
  pixels, brought back to size) and ``consensus``; ``_se`` is its standard error.
- ``gain``: consensus minus native, photograph by photograph, with the 95 % interval of its mean
  (photographs drawn anew), and ``better``, the share of photographs where it is above 0.
- ``native_itself``: mean IoU of native with itself under another seed, the yardstick.
- ``native_ms``, ``speedup_METHOD``: processor time per photograph, the methods taking turns in one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from benchmarks.record import record
from reground.tasks.images import Box, DropError, Photograph, load_rgb
from reground.tasks.images.boxes import parse_boxes
from reground.tasks.kernels.consensus import consensus
from reground.tasks.kernels.grabcut import SegmentationError, grabcut
from reground.tasks.masks.png import read_png
from reground.tasks.masks.step import check_box
from reground.tasks.schema import ClassIdx, ImageId

SHORT = 224
ROUNDS = 5
DRAWS = 5000
METHODS: dict[str, Callable[[np.ndarray, Box], np.ndarray]] = {
    "native": lambda pixels, box: grabcut(pixels, box, ROUNDS, 0),
    "small": lambda pixels, box: small(pixels, box),
    "consensus": consensus,
}


def small(pixels: np.ndarray, box: Box) -> np.ndarray:
    """GrabCut at a short side of 224 pixels."""
    height, width = pixels.shape[:2]
    scale = SHORT / min(height, width)
    size = round(width * scale), round(height * scale)
    xmin, ymin, xmax, ymax = (round(edge * scale) for edge in box)
    scaled = Box(xmin, ymin, max(xmax, xmin + 1), max(ymax, ymin + 1))
    shrunk = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    mask = grabcut(shrunk, scaled, ROUNDS, 0)
    return cv2.resize(mask.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0


def iou(mask: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union; 0 for two empty masks."""
    return float((mask & other).sum() / max(1, (mask | other).sum()))


def examine(image: Path, boxes: Path, reference: Path) -> dict[str, float] | None:
    """IoU and seconds of every method on a photograph; None where it has not exactly one box."""
    found = parse_boxes(boxes.read_bytes()).boxes
    if len(found) != 1:
        return None
    pixels, (box,) = load_rgb(str(image)), found
    height, width = pixels.shape[:2]
    truth = read_png(reference.read_bytes(), width, height)
    row: dict[str, float] = {"kept": kept(image, width, height, box)}
    masks: dict[str, np.ndarray] = {}
    for name, method in METHODS.items():
        began = time.process_time()
        try:
            masks[name] = method(pixels, box)
        except SegmentationError:
            masks[name] = np.zeros_like(truth)
        row[f"seconds_{name}"] = time.process_time() - began
        row[f"iou_{name}"] = iou(masks[name], truth)
    row["itself"] = iou(masks["native"], grabcut(pixels, box, ROUNDS, 1)) if masks["native"].any() else np.nan
    return row


def kept(image: Path, width: int, height: int, box: Box) -> bool:
    """Whether the published filters keep a photograph."""
    try:
        check_box(Photograph(ImageId(image.stem), str(image), ClassIdx(0), width, height, box))
    except DropError:
        return False
    return True


def summary(part: str, found: pd.DataFrame) -> dict[str, object]:
    """The row of a part."""
    gain = (found["iou_consensus"] - found["iou_native"]).to_numpy()
    rng = np.random.default_rng(0)
    low, high = np.percentile(rng.choice(gain, (DRAWS, len(gain))).mean(axis=1), [2.5, 97.5])
    seconds = {name: float(found[f"seconds_{name}"].sum()) for name in METHODS}
    numbers: dict[str, object] = {"part": part, "images": len(found)}
    for name in METHODS:
        numbers[f"iou_{name}"] = float(found[f"iou_{name}"].mean())
        numbers[f"iou_{name}_se"] = float(found[f"iou_{name}"].std() / len(found) ** 0.5)
    return {
        **numbers,
        "gain": float(gain.mean()),
        "gain_low": float(low),
        "gain_high": float(high),
        "better": float((gain > 0).mean()),
        "native_itself": float(found["itself"].mean()),
        "native_ms": 1000 * seconds["native"] / len(found),
        "speedup_small": seconds["native"] / seconds["small"],
        "speedup_consensus": seconds["native"] / seconds["consensus"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="a folder of photographs")
    parser.add_argument("--boxes", type=Path, required=True, help="a folder of their box XML")
    parser.add_argument("--masks", type=Path, required=True, help="a folder of their reference masks, PNG")
    parser.add_argument("--limit", type=int, default=1000, help="photographs taken, evenly over all")
    told = parser.parse_args()
    cv2.setNumThreads(1)
    images = {path.stem: path for path in told.images.rglob("*") if path.is_file()}
    boxes = {path.stem: path for path in told.boxes.rglob("*.xml")}
    masks = {path.stem: path for path in told.masks.rglob("*.png")}
    names = sorted(images.keys() & boxes.keys() & masks.keys())
    # Neighbours stay together: they are of the two halves.
    taken = [number for number in range(len(names)) if number // 2 % max(1, len(names) // told.limit) == 0]
    rows = {number: examine(*(files[names[number]] for files in (images, boxes, masks))) for number in taken}
    found = pd.DataFrame.from_dict({number: row for number, row in rows.items() if row}, orient="index")
    parts = {
        "tuned": found[found.index % 2 == 0],
        "held_out": found[found.index % 2 == 1],
        "kept": found[found["kept"] > 0],
        "all": found,
    }
    for part, members in parts.items():
        record("masks", summary(part, members), ("numpy", "opencv-python-headless"))


if __name__ == "__main__":
    main()
