"""A miniature world with exact masks: coloured shapes on textured backgrounds, in an ImageFolder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image

CLASSES = {
    # class_idx, WordNet id, ImageNet-9 group (-1: none), two in most groups
    151: ("n02085620", 0),
    207: ("n02099601", 0),
    8: ("n01514859", 1),
    22: ("n01614925", 1),
    609: ("n03594945", 2),
    817: ("n04285008", 2),
    953: ("n07753275", -1),
}


@dataclass(frozen=True)
class World:
    """Where the world lies, and what is exactly true of it.

    Attributes:
        images: an ImageFolder, one folder a WordNet id.
        boxes: ImageNet-style XML, one file a stem.
        masks: image_id -> ``(H, W) bool``, the exact foreground.
        labels: image_id -> class index.
    """

    images: Path
    boxes: Path
    masks: dict[str, np.ndarray]
    labels: dict[str, int]


def make_world(folder: Path, per_class: int = 3, seed: int = 0) -> World:
    """Draw ``per_class`` images of each of the classes; the same seed draws the same bytes."""
    rng = np.random.default_rng(seed)
    world = World(folder / "images", folder / "boxes", {}, {})
    world.boxes.mkdir(parents=True, exist_ok=True)
    for class_idx, (wnid, _) in CLASSES.items():
        (world.images / wnid).mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            image_id = f"{wnid}_{number:04d}"
            pixels, mask = _draw(rng, class_idx)
            Image.fromarray(pixels).save(world.images / wnid / f"{image_id}.png")
            write_box(world.boxes / f"{image_id}.xml", mask, wnid)
            world.masks[image_id] = mask
            world.labels[image_id] = class_idx
    return world


def write_box(path: Path, mask: np.ndarray, wnid: str) -> None:
    """The tight box of a mask, in ImageNet's XML (``xmax`` and ``ymax`` exclusive of the last pixel)."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    height, width = mask.shape
    path.write_text(
        f"<annotation><filename>{escape(path.stem)}</filename>"
        f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
        f"<object><name>{wnid}</name><bndbox><xmin>{columns[0]}</xmin><ymin>{rows[0]}</ymin>"
        f"<xmax>{columns[-1] + 1}</xmax><ymax>{rows[-1] + 1}</ymax></bndbox></object></annotation>"
    )


def _draw(rng: np.random.Generator, class_idx: int) -> tuple[np.ndarray, np.ndarray]:
    height, width = int(rng.integers(240, 320)), int(rng.integers(240, 360))
    y, x = np.mgrid[:height, :width]
    centre = np.array([height, width]) * rng.uniform(0.42, 0.58, 2)
    radius = np.array([height, width]) * rng.uniform(0.18, 0.3, 2)
    mask = ((y - centre[0]) / radius[0]) ** 2 + ((x - centre[1]) / radius[1]) ** 2 <= 1
    background = np.array([40, 90, 60]) + rng.normal(0, 12, (height, width, 3))
    colour = np.array([(class_idx * 37) % 120 + 130, (class_idx * 91) % 200 + 40, (class_idx * 53) % 120 + 110])
    pixels = np.where(mask[..., None], colour + rng.normal(0, 8, (height, width, 3)), background)
    return pixels.clip(0, 255).astype(np.uint8), mask
