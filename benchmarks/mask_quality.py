"""How well the quality of a mask, which knows no reference, orders masks as their references do.

``python -m benchmarks.mask_quality --images FOLDER --boxes FOLDER --masks FOLDER [--limit 40]
[--method grabcut]`` with
photographs, box XML and reference masks (PNG) of the same stems. Masks are made by the step
``masks`` as a user would make them, so that what the published filters leave out is left out here.

- ``spearman``: rank correlation of the quality with the intersection over union (IoU) of mask and
  reference, with a 95 % interval over images; ``spearman_PART`` of each part alone.
- ``quarantined``: share of masks below the default ``masks.min_quality``; ``iou_quarantined`` and
  ``iou_rest`` their mean IoU; ``references_quarantined``: what share of the references themselves
  would be, had they been supplied.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmarks.record import record
from benchmarks.variants import THREADS, Silent, index
from reground.flows.run import Runner, run_step
from reground.tasks.images import Box, load_rgb
from reground.tasks.kernels.mask_quality import Quality, mask_quality
from reground.tasks.masks import MaskSettings, decode_mask
from reground.tasks.masks.png import read_png
from reground.tasks.workspace import Workspace

DRAWS = 2000


def assessed(workspace: Workspace, references: dict[str, Path]) -> pd.DataFrame:
    """Per mask: its IoU with the reference, its quality and the parts of it, and the reference's own quality."""
    images = workspace.read("images").set_index("image_id")
    rows = []
    for made in workspace.read("masks").itertuples():
        image = images.loc[made.image_id]
        box, pixels = Box(**image.boxes[0]), load_rgb(image.uri)
        mask = decode_mask(made.rle, made.height, made.width)
        reference = read_png(references[made.image_id].read_bytes(), made.width, made.height)
        inside = np.zeros_like(reference)
        inside[box.ymin : box.ymax, box.xmin : box.xmax] = reference[box.ymin : box.ymax, box.xmin : box.xmax]
        rows.append(
            {
                "iou": (mask & reference).sum() / (mask | reference).sum(),
                "quality": made.quality,
                "reference": mask_quality(pixels, inside, box).score,
                **mask_quality(pixels, mask, box)._asdict(),
            }
        )
    return pd.DataFrame(rows)


def correlation(values: pd.Series, iou: pd.Series) -> float:
    """Spearman's; 0 for a part that is the same for all."""
    return float(spearmanr(values, iou).statistic) if values.nunique() > 1 else 0.0


def interval(found: pd.DataFrame) -> tuple[float, float]:
    """95 % of the correlation, by drawing images anew."""
    rng = np.random.default_rng(0)
    drawn = [found.iloc[rng.integers(0, len(found), len(found))] for _ in range(DRAWS)]
    low, high = np.percentile([correlation(sample["quality"], sample["iou"]) for sample in drawn], [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="a folder of photographs")
    parser.add_argument("--boxes", type=Path, required=True, help="a folder of their box XML")
    parser.add_argument("--masks", type=Path, required=True, help="a folder of their reference masks, PNG")
    parser.add_argument("--limit", type=int, default=1000, help="photographs taken")
    parser.add_argument("--method", default="grabcut", help="as of `reground masks --method`")
    told = parser.parse_args()
    references = {path.stem: path for path in told.masks.rglob("*.png")}
    settings = MaskSettings(method=told.method)
    with tempfile.TemporaryDirectory() as folder:
        workspace = index(Path(folder), told.images, told.boxes, told.limit)
        run_step("masks", workspace, settings, Runner("threads", THREADS), Silent())
        found = assessed(workspace, references)
    low, high = interval(found)
    bad = found["quality"] < settings.min_quality
    numbers = {
        "method": told.method,
        "masks": len(found),
        "iou": float(found["iou"].mean()),
        "spearman": correlation(found["quality"], found["iou"]),
        "spearman_low": low,
        "spearman_high": high,
        **{f"spearman_{part}": correlation(found[part], found["iou"]) for part in Quality._fields},
        "min_quality": settings.min_quality,
        "quarantined": float(bad.mean()),
        "iou_quarantined": float(found.loc[bad, "iou"].mean()),
        "iou_rest": float(found.loc[~bad, "iou"].mean()),
        "references_quarantined": float((found["reference"] < settings.min_quality).mean()),
    }
    record("mask_quality", numbers, ("numpy", "opencv-python-headless"))


if __name__ == "__main__":
    main()
