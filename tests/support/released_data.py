"""Small data in the layout of the released ImageNet-9 data, and workspaces that can be exported to it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from reground.flows.run import Runner, run_step
from reground.flows.run.progress import Lines
from reground.tasks.imagenet9 import Imagenet9Settings
from reground.tasks.imagenet9.layout import class_folder
from reground.tasks.images import load_classes
from reground.tasks.masks import encode_mask
from reground.tasks.schema import VARIANTS
from reground.tasks.workspace import Workspace
from tests.support.tables import put

SIDE = 24
NAMES = (
    "Dog",
    "Bird",
    "Wheeled vehicle",
    "Reptile",
    "Carnivore",
    "Insect",
    "Musical instrument",
    "Primate",
    "Fish",
)
FOLDERS = [class_folder(group, name, 9) for group, name in enumerate(NAMES)]
MIXED = ("mixed_same", "mixed_rand", "mixed_next")
DOG, SECOND_DOG, FISH = "n02085620_00007", "n02085620_00009", "n01440764_00003"
CLASS_OF = {DOG: 151, SECOND_DOG: 151, FISH: 0}
GROUP_OF = {DOG: 0, SECOND_DOG: 0, FISH: 8}


def pixels(seed: int, side: int = SIDE) -> np.ndarray:
    """Smooth enough for JPEG to keep."""
    small = np.random.default_rng(seed).integers(0, 256, (3, 3, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC))


def encoded(seed: int, format: str = "JPEG", side: int = SIDE) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels(seed, side)).save(buffer, format)
    return buffer.getvalue()


def mask(seed: int, side: int = SIDE) -> np.ndarray:
    return np.random.default_rng(seed).random((side, side)) < 0.3


def published(folder: Path) -> Path:
    """An archive as it was published: three images, names as they are there, no tables beside them."""
    for name in (*VARIANTS, "fg_mask"):
        for class_name in FOLDERS:
            (folder / name / "val" / class_name).mkdir(parents=True)
    background = {DOG: FISH, SECOND_DOG: FISH, FISH: DOG}
    for number, (image_id, group) in enumerate(GROUP_OF.items()):
        for name in VARIANTS:
            stem = f"fg_{image_id}_bg_{background[image_id]}" if name in MIXED else image_id
            path = folder / name / "val" / FOLDERS[group] / f"{stem}.JPEG"
            path.write_bytes(encoded(10 * number + VARIANTS.index(name)))
        np.save(folder / "fg_mask" / "val" / FOLDERS[group] / f"{image_id}.npy", mask(number).astype(np.uint8))
    return folder


def varied(workspace: Workspace, class_of: dict[str, int], groups: list[dict], classes: list[dict]) -> Workspace:
    """A workspace with variants of some images, by hand; each lends its background to the next."""
    group_of = {row["class_idx"]: row["group"] for row in groups}
    ids = list(class_of)
    rows: dict[str, list[dict]] = {f"variants/{name}": [] for name in VARIANTS} | {"foregrounds": []}
    for number, (image_id, class_idx) in enumerate(class_of.items()):
        whose = {"image_id": image_id, "class_idx": class_idx, "group": group_of[class_idx]}
        for place, name in enumerate(VARIANTS):
            lender = ids[(number + 1) % len(ids)] if name in MIXED else None
            lent = {"background_id": lender, "background_group": lender and group_of[class_of[lender]]}
            lent |= {"seed": 1000 * number + place if lender else 0}
            image = {"bytes": encoded(10 * number + place, "PNG"), "path": f"{number}.png"}
            rows[f"variants/{name}"].append({**whose, **lent, "image": image})
        foreground = {**whose, "rle": encode_mask(mask(number)), "width": SIDE, "height": SIDE}
        rows["foregrounds"].append(foreground)
    for table, made in {**rows, "groups": groups, "classes": classes}.items():
        put(workspace, table, made)
    return workspace


def imagenet_varied(folder: Path) -> Workspace:
    """A workspace with variants of two dogs and a fish in the vocabulary and groups of ImageNet-9."""
    from reground.tasks.images import load_groups

    classes = load_classes()
    return varied(Workspace(folder), CLASS_OF, load_groups("imagenet9", classes)[0], classes)


def run_released(workspace: Workspace, folder: Path, log: Path, size: int = SIDE, kind: str = "threads") -> None:
    settings = Imagenet9Settings(str(folder), size)
    run_step("imagenet9", workspace, settings, Runner(kind, 2), Lines(log.open("a")))
